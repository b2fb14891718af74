/** What stands between the slashes of a path as Nest has it: a literal, or a parameter of either kind, quoted or not. */
const PARTS = /\\(.)|(::|\[:\])|[{}]|[:*](?:"([^"]+)"|([\p{ID_Start}$_][\p{ID_Continue}$]*))/gu;

/** The path of a handler as OpenAPI and `@nestjs/swagger` write it: `/users/:id` is `/users/{id}`. */
export function templateOf(path: string): string {
  return named(path)
    .replaceAll(/\(\^[^)]+\)/g, '') // what Fastify's parameters must match
    .replaceAll(PARTS, (_part, literal?: string, colon?: string, quoted?: string, name?: string) => {
      const parameter = quoted ?? name;
      return parameter === undefined ? (literal ?? (colon ? ':' : '')) : `{${parameter}}`;
    });
}

/** Wildcards without a name get those that Nest gives them. */
function named(path: string): string {
  if (/\/\(\.\*\)\/?$/.test(path)) return path.replace('(.*)', '{*path}');
  if (/\/\*\/?$/.test(path)) return path.replace('*', '{*path}');
  if (/\/\+\/?$/.test(path)) return path.replace('/+', '/*path');
  return path.replaceAll(/\/\*(?=\/)/g, (_wildcard, at: number) => `/*path${at}`);
}
