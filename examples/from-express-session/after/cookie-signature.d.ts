declare module 'cookie-signature' {
  /** @returns the value, or `false` for another signature */
  export function unsign(signed: string, secret: string): string | false;
}
