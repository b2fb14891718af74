import {
  All,
  Controller,
  Get,
  Module,
  Post,
  Version,
  VERSION_NEUTRAL,
  VersioningType,
  type INestApplication,
  type Type,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { SessionModule, type SessionModuleOptions } from '@latchkey/session';

@Controller('auth')
class Auth {
  @Post('refresh')
  refresh() {}
}

@Controller('auth')
class Versioned {
  @Version('1')
  @Post('refresh')
  first() {}

  @Version('2')
  @All('refresh')
  second() {}
}

@Controller({ path: 'auth', version: ['1', VERSION_NEUTRAL] })
class PartlyVersioned {
  @Post('refresh')
  refresh() {}
}

@Controller('t/:tenant')
class OfTenants {
  @Post('refresh')
  refresh() {}
}

@Controller('files')
class Wildcard {
  @Post('*path')
  all() {}
}

@Controller('auth')
class Reading {
  @Get('refresh')
  read() {}
}

interface Boot {
  readonly controllers?: Type[];
  readonly refresh?: SessionModuleOptions['refresh'];
  readonly options?: SessionModuleOptions;
  readonly prepare?: (app: INestApplication) => void;
}

const prefixed = (app: INestApplication) => app.setGlobalPrefix('api');
const versioned = (app: INestApplication) => app.enableVersioning({ type: VersioningType.URI });
const both = (app: INestApplication) => versioned(prefixed(app));

async function boot({ controllers = [], refresh = true, options, prepare }: Boot) {
  const warnings: string[] = [];
  const silent = () => undefined;
  const warn = (line: unknown) => void warnings.push(String(line));
  @Module({
    imports: [SessionModule.forRoot({ allowMemoryInProduction: true, refresh, ...options })],
    controllers,
  })
  class App {}
  const app = await NestFactory.create(App, {
    abortOnError: false,
    logger: { log: silent, error: silent, warn, debug: silent, verbose: silent, fatal: silent },
  });
  prepare?.(app);
  const error: unknown = await app.init().then(
    () => undefined,
    (failure: unknown) => failure,
  );
  await app.close();
  return { error, warnings: warnings.filter((line) => line.includes('refresh.cookiePath')) };
}

const cookiePath = (path: string) => ({ cookiePath: path });

describe('the path of the refresh cookie', () => {
  it.each<[string, Boot, wanted: string]>([
    ['a global prefix', { controllers: [Auth], prepare: prefixed }, '/api/auth/refresh'],
    ['a prefix and versions', { controllers: [Versioned], prepare: both }, '/api'],
    ['one version', { controllers: [PartlyVersioned], prepare: both }, '/api'],
    [
      'a path of its own',
      { controllers: [Auth], prepare: prefixed, refresh: cookiePath('/refresh') },
      '/api/auth/refresh',
    ],
  ])('stops the app where the route is below %s, and says what to set', async (_, given, wanted) => {
    const { error } = await boot(given);
    expect(error).toMatchObject({ name: 'SessionConfigurationError', option: 'refresh.cookiePath' });
    expect((error as Error).message).toContain(`Set refresh: { cookiePath: '${wanted}' }`);
    expect(await boot({ ...given, refresh: cookiePath(wanted) })).toEqual({ error: undefined, warnings: [] });
  });

  it.each<[string, Boot]>([
    ['served as it is', { controllers: [Auth] }],
    ['above the route', { controllers: [Auth], refresh: cookiePath('/auth') }],
    ['the root', { controllers: [Versioned], prepare: both, refresh: cookiePath('/') }],
    [
      'served with versions in a header',
      {
        controllers: [Versioned],
        prepare: (app) => app.enableVersioning({ type: VersioningType.HEADER, header: 'v' }),
      },
    ],
    ['served without a version too', { controllers: [PartlyVersioned], prepare: versioned }],
    ['one of a tenant', { controllers: [OfTenants], refresh: cookiePath('/t/acme/refresh') }],
    ['below a wildcard', { controllers: [Wildcard], refresh: cookiePath('/files/a/b/refresh') }],
  ])('is fine where it is %s', async (_, given) => {
    expect(await boot(given)).toEqual({ error: undefined, warnings: [] });
  });

  it.each<[string, Boot]>([
    ['no handler', {}],
    ['a handler of another method', { controllers: [Reading] }],
    ['only a part of it', { controllers: [Auth], refresh: cookiePath('/auth/refresh/all') }],
    ['a name that only begins alike', { controllers: [Auth], refresh: cookiePath('/auth/ref') }],
  ])('is warned of where %s is there: middleware may be', async (_, given) => {
    const { error, warnings } = await boot(given);
    expect(error).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining('where no POST handler is served')]);
  });

  it('is of no interest without refresh tokens or without cookies', async () => {
    for (const given of [{ refresh: false }, { options: { transports: ['bearer'] } }] as Boot[]) {
      expect(await boot({ ...given, controllers: [Auth], prepare: prefixed })).toEqual({
        error: undefined,
        warnings: [],
      });
    }
  });
});
