import { SessionConfigurationError } from '../model/session-error.js';
import type { TransportSettings } from '../options/settings.js';
import { CONTEXTS } from '../handlers/contexts.js';
import type { Handler } from '../handlers/handler.js';

type Route = Pick<Handler, 'kind' | 'method' | 'name' | 'paths'>;

/**
 * That browsers send the refresh cookie to some route: they do so only at and below its path, which is not told of a global
 * prefix or a version.
 * @param warn takes one line where no route is there that could be meant: middleware may answer
 * @throws SessionConfigurationError where the route is the one that is meant, but below a prefix or version
 */
export function checkRefreshPath(
  handlers: readonly Route[],
  { cookieEnabled, refreshCookiePath }: Pick<TransportSettings, 'cookieEnabled' | 'refreshCookiePath'>,
  warn: (line: string) => void,
): void {
  if (!cookieEnabled || refreshCookiePath === undefined) return;
  const routes = handlers.filter(
    ({ kind, method }) => CONTEXTS[kind].hasUrlPaths && ['POST', 'ALL'].includes(method),
  );
  const served = routes.flatMap(({ name, paths }) => paths.map((path) => ({ name, path })));
  if (served.some(({ path }) => isSentTo(path, refreshCookiePath))) return;
  const meant = served.filter(({ path }) => path.endsWith(refreshCookiePath.replace(/\/$/, '')));
  const [first] = meant;
  if (first) {
    const places = meant.map(({ name, path }) => `${path} (${name})`).join(' and ');
    throw new SessionConfigurationError(
      'refresh.cookiePath',
      `is ${refreshCookiePath}, but the route is served at ${places}: browsers would never send the refresh token there. ` +
        `Set refresh: { cookiePath: '${commonPath(meant.map(({ path }) => path))}' }`,
    );
  }
  warn(
    `refresh.cookiePath is ${refreshCookiePath}, where no POST handler is served: browsers send the refresh token only there. Set it ` +
      "to the path of the route for new tokens, with the global prefix and version; without cookies, set transports: ['bearer'].",
  );
}

/** RFC 6265 §5.1.4, for a route with parameters as if they were what the cookie's path has there. */
function isSentTo(route: string, cookiePath: string): boolean {
  const wanted = segmentsOf(cookiePath);
  const given = segmentsOf(route);
  return wanted.every((segment, i) => {
    const there = given[i];
    return there === segment || (there !== undefined && /[:*{]/.test(there)) || isRest(given.slice(0, i));
  });
}

/** Whether the last of them takes all that follows. */
function isRest(segments: readonly string[]): boolean {
  return segments.at(-1)?.includes('*') === true;
}

function segmentsOf(path: string): string[] {
  return path.split('/').filter((segment) => segment !== '');
}

/** What all of them begin with, in whole segments: a route has one path for each version. */
function commonPath(paths: readonly string[]): string {
  const [first = [], ...others] = paths.map(segmentsOf);
  const end = first.findIndex((segment, i) => others.some((other) => other[i] !== segment));
  return `/${first.slice(0, end === -1 ? first.length : end).join('/')}`;
}
