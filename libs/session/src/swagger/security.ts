import type { OpenAPIObject } from '@nestjs/swagger';
import type { ComponentParts } from './components.js';
import type { Realm, Served } from './served.js';

type Requirement = NonNullable<OpenAPIObject['security']>[number];

const NOBODY: Requirement = {};

/**
 * What an operation asks for, each alternative by itself; `undefined` where no guard of ours says anything. Public is `[]`,
 * which also undoes what the whole document asks for.
 */
export function securityOf(
  served: readonly Served[],
  parts: ComponentParts,
  version: string,
): Requirement[] | undefined {
  const known = served.filter(({ entry }) => entry.access !== 'unguarded' && entry.access !== 'refused');
  if (known.length === 0) return undefined;
  const all = known.flatMap((one) => alternativesOf(one, parts, version));
  if (all.every((one) => one === NOBODY)) return [];
  const byText = new Map(all.map((one) => [JSON.stringify(one), one]));
  // The simplest first, as readers take it.
  return [...byText.values()].sort((a, b) => Number(b === NOBODY) - Number(a === NOBODY));
}

function alternativesOf({ entry, realm }: Served, parts: ComponentParts, version: string): Requirement[] {
  if (entry.access === 'public') return [NOBODY];
  if (entry.access === 'service') return [serviceRequirement(entry.scopes ?? [], parts, version)];
  const ofSession = sessionRequirements(realm, parts);
  return entry.access === 'optional' ? [NOBODY, ...ofSession] : ofSession;
}

function sessionRequirements({ settings, suffix }: Realm, parts: ComponentParts): Requirement[] {
  const { cookieEnabled, bearerEnabled, cookieName } = settings.transport;
  const cookie = () =>
    parts.nameOf('securitySchemes', `sessionCookie${suffix}`, {
      type: 'apiKey',
      in: 'cookie',
      name: cookieName,
      description:
        'The session token in a cookie, which only pages of the same origin may send with unsafe methods',
    });
  const bearer = () =>
    parts.nameOf('securitySchemes', `sessionBearer${suffix}`, {
      type: 'http',
      scheme: 'bearer',
      // What it is written in is for tools to see; an opaque token is written in nothing.
      ...(settings.accessToken.kind === 'jwt' ? { bearerFormat: 'JWT' } : {}),
      description: 'The session token. Not together with the cookie',
    });
  return [...(cookieEnabled ? [{ [cookie()]: [] }] : []), ...(bearerEnabled ? [{ [bearer()]: [] }] : [])];
}

function serviceRequirement(scopes: readonly string[], parts: ComponentParts, version: string): Requirement {
  const name = parts.nameOf('securitySchemes', 'serviceToken', {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'The token of another service',
  });
  // Before OpenAPI 3.1, only OAuth's schemes may name scopes.
  return { [name]: version.startsWith('3.0.') ? [] : [...scopes] };
}
