// Packages that documents use and the repository does not install: as much of each as a code block needs.
// One `declare module '…' { … }` a package.

declare module '@prisma/client' {
  export class PrismaClient {
    // oxlint-disable-next-line typescript/no-explicit-any -- a generated client has a property for each model
    [model: string]: any;
  }
}
