import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { SESSION_SETTINGS } from '../options/injection-keys.js';
import type { SessionSettings, TransportSettings } from '../options/settings.js';

/** What `enableCors()` is given, as far as it says who may send cookies. */
interface CorsOptions {
  readonly origin?: unknown;
  readonly credentials?: boolean;
}

/** What each adapter's `enableCors()` was given; a function for options that are found out for each request. */
const givenTo = new WeakMap<object, unknown[]>();

/**
 * Says at boot where CORS and the option `allowedOrigins` disagree. Nest keeps the options of `enableCors()` nowhere, so they
 * are noted when they are given. CORS by other means, a middleware of the app's or a proxy, is not seen, and nothing is
 * said about it.
 */
@Injectable()
export class CorsCheck implements OnApplicationBootstrap {
  private readonly given: readonly unknown[];

  constructor(
    { httpAdapter }: HttpAdapterHost,
    @Inject(SESSION_SETTINGS) private readonly settings: Pick<SessionSettings, 'transport'>,
  ) {
    this.given = httpAdapter ? notesOf(httpAdapter) : [];
  }

  onApplicationBootstrap(): void {
    const logger = new Logger('SessionModule');
    for (const line of corsMismatches(this.given, this.settings.transport)) logger.warn(line);
  }
}

function notesOf(adapter: HttpAdapterHost['httpAdapter']): unknown[] {
  let notes = givenTo.get(adapter);
  if (notes) return notes;
  givenTo.set(adapter, (notes = []));
  const enableCors = adapter.enableCors.bind(adapter) as (...args: unknown[]) => unknown;
  adapter.enableCors = (...args: unknown[]) => {
    notes.push(args[0] ?? {});
    return enableCors(...args) as never;
  };
  return notes;
}

/** @returns a line for each origin that one of them lets in and the other does not */
export function corsMismatches(
  given: readonly unknown[],
  settings: Pick<TransportSettings, 'cookieEnabled' | 'publicOrigin' | 'allowedOrigins'>,
): string[] {
  if (!settings.cookieEnabled || given.length === 0) return [];
  // Nobody can tell what a function will say.
  if (given.some((one) => typeof one === 'function' || typeof (one as CorsOptions).origin === 'function'))
    return [];
  const withCookies = (given as readonly CorsOptions[]).filter(({ credentials }) => credentials === true);
  const origins = withCookies.flatMap(({ origin }) => origin ?? '*');
  const { allowedOrigins, publicOrigin } = settings;
  return [
    ...allowedOrigins
      .filter((allowed) => !origins.some((origin) => admits(origin, allowed)))
      .map(
        (allowed) =>
          `${allowed} is in allowedOrigins, and CORS keeps its pages out: enableCors({ origin: ['${allowed}'], credentials: true })`,
      ),
    ...origins
      .filter((origin): origin is string => typeof origin === 'string')
      .filter((origin) => !['*', publicOrigin, ...allowedOrigins].includes(origin))
      .map(
        (origin) =>
          `CORS lets ${origin} send the cookie, and it is not in allowedOrigins: its unsafe requests get 403 cross_origin`,
      ),
    ...(origins.includes(true)
      ? [
          'CORS lets every origin read replies to requests with the cookie: name those that may in enableCors({ origin })',
        ]
      : []),
  ];
}

/** As the package `cors` reads it. No browser takes `*` for an answer to a request with cookies. */
function admits(origin: unknown, allowed: string): boolean {
  if (origin instanceof RegExp) return origin.test(allowed);
  return origin === true || origin === allowed;
}
