import {
  All,
  type CanActivate,
  Controller,
  Get,
  type INestApplication,
  Injectable,
  Module,
  Param,
  Post,
  type Type,
  UseGuards,
  Version,
  VersioningType,
} from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiForbiddenResponse,
  ApiSecurity,
  DocumentBuilder,
  type OpenAPIObject,
  SwaggerModule,
} from '@nestjs/swagger';
import {
  AllowExpired,
  Fresh,
  IpAllowlist,
  OptionalSession,
  PolicyManifest,
  Public,
  RateLimit,
  Roles,
  SessionGuard,
  SessionModule,
} from '@latchkey/session';
import { Scopes, ServiceTokenGuard, ServiceTokensModule } from '@latchkey/session/jwt';
import { documentSessions } from '@latchkey/session/swagger';
import { loginAs, type SessionTestingOptions } from '@latchkey/session/testing';
import { type Platform, PLATFORMS, startApp, stopApps } from '../support/library-app.js';

@Injectable()
class KeyGuard implements CanActivate {
  canActivate(): boolean {
    return true;
  }
}

@Controller()
class Everything {
  @Public() @Get('open') open() {}
  @Public() @Post('open') change() {}
  @Public() @RateLimit({ name: 'tries', quota: 1, window: '1h', by: 'ip' }) @Get('counted') counted() {}
  @Public() @IpAllowlist(['10.0.0.0/8']) @Get('office') office() {}
  @Public() @IpAllowlist('named') @Get('named') named() {}
  @Public() @ApiSecurity('key') @UseGuards(KeyGuard) @Get('keyed') keyed() {}
  @OptionalSession() @Get('feed') feed() {}
  @Get('me') me() {}
  @Post('me') act() {}
  @ApiBearerAuth() @Roles('admin') @Get('admin') admin() {}
  @Fresh('10m') @Get('fresh') fresh() {}
  @AllowExpired() @Get('logout') logout() {}
  @RateLimit({ name: 'mine', quota: 1, window: '1h', by: 'user' }) @Get('mine') mine() {}
  @ApiForbiddenResponse({ description: 'my own words' }) @Roles('admin') @Get('own') own() {}
  @UseGuards(ServiceTokenGuard) @Scopes('orders:read') @Get('orders') orders() {}
}

interface Documented {
  readonly platform?: Platform;
  readonly controllers?: Type[];
  readonly session?: SessionTestingOptions;
  readonly isGuardGlobal?: boolean;
  readonly prepare?: (app: INestApplication) => void;
  readonly imports?: Type[];
  readonly builder?: DocumentBuilder;
  readonly ignoreGlobalPrefix?: boolean;
}

const services = ServiceTokensModule.forRoot({ service: 'https://orders.internal' });

async function documentOf(options: Documented = {}) {
  const { controllers = [Everything], session, platform, prepare, imports = [], builder } = options;
  const { isGuardGlobal = true } = options;
  const running = await startApp({
    ...(platform ? { platform } : {}),
    controllers,
    session: isGuardGlobal ? { guard: 'global', ...session } : { ...session },
    module: { imports: [services, ...imports] },
    ...(prepare ? { prepare } : {}),
  });
  const { app } = running;
  const { ignoreGlobalPrefix = false } = options;
  const given = SwaggerModule.createDocument(app, (builder ?? new DocumentBuilder()).build(), {
    ignoreGlobalPrefix,
  });
  const before = JSON.stringify(given);
  const document = documentSessions(app, given);
  expect(JSON.stringify(given)).toBe(before);
  return { ...running, document };
}

const METHODS = ['get', 'post'] as const;

function operationsOf(document: OpenAPIObject) {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method];
      return operation ? [{ method: method.toUpperCase(), path, operation }] : [];
    }),
  );
}

/** Each operation's security and added statuses, in a line. */
function linesOf(document: OpenAPIObject): string[] {
  return operationsOf(document).map(({ method, path, operation }) => {
    const security = operation.security?.map((one) => Object.keys(one).join('+') || 'nobody').join(' ');
    const statuses = Object.keys(operation.responses).filter((status) => !status.startsWith('2'));
    return `${method} ${path}: ${security ?? 'unsaid'}; ${statuses.join(' ')}`;
  });
}

function headersOf(document: OpenAPIObject, path: string, status: string): string[] {
  const response = document.paths[path]?.get?.responses[status];
  return Object.keys((response && 'headers' in response ? response.headers : undefined) ?? {});
}

afterEach(stopApps);

const SESSION = 'sessionCookie sessionBearer';

describe.each(PLATFORMS)('documentSessions on $name', (platform) => {
  it('says what the guard enforces, and nothing else', async () => {
    const { document } = await documentOf({ platform });
    expect(linesOf(document)).toEqual([
      'GET /open: ; ',
      'POST /open: ; 403',
      'GET /counted: ; 429 503',
      'GET /office: ; 403',
      'GET /named: ; 403 503',
      'GET /keyed: key; ',
      `GET /feed: nobody ${SESSION}; 403 429 503`,
      `GET /me: ${SESSION}; 401 403 429 503`,
      `POST /me: ${SESSION}; 401 403 429 503`,
      `GET /admin: ${SESSION}; 401 403 429 503`,
      `GET /fresh: ${SESSION}; 401 403 429 503`,
      `GET /logout: ${SESSION}; 401 403 429 503`,
      `GET /mine: ${SESSION}; 401 403 429 503`,
      `GET /own: ${SESSION}; 401 403 429 503`,
      'GET /orders: serviceToken; 401 403',
    ]);
    expect(document.components?.securitySchemes).toEqual({
      sessionCookie: expect.objectContaining({ type: 'apiKey', in: 'cookie', name: '__Host-session' }),
      sessionBearer: { type: 'http', scheme: 'bearer', description: expect.any(String) },
      serviceToken: expect.objectContaining({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT' }),
    });
    expect(document.paths['/own']?.get?.responses['403']).toMatchObject({ description: 'my own words' });
  });

  it('agrees with the manifest about every operation', async () => {
    const { app, document } = await documentOf({ platform });
    const operations = operationsOf(document);
    const entries = app.get(PolicyManifest).list();
    expect(operations).toHaveLength(entries.length);
    for (const { method, path, operation } of operations) {
      const entry = entries.find((one) => one.method === method && one.path === path);
      const names = operation.security?.map((one) => Object.keys(one)[0] ?? 'nobody') ?? [];
      expect([path, names.includes('sessionCookie')]).toEqual([
        path,
        entry?.access === 'guarded' || entry?.access === 'optional',
      ]);
      expect([path, names.includes('nobody')]).toEqual([path, entry?.access === 'optional']);
      expect([path, names.includes('serviceToken')]).toEqual([path, entry?.access === 'service']);
      const ok = operation.responses['200'] ?? operation.responses['201'];
      expect([path, Boolean(ok && 'headers' in ok && ok.headers?.['RateLimit'])]).toEqual([
        path,
        entry?.quotas !== undefined,
      ]);
    }
  });

  it('documents every refusal that comes, with its code and its headers', async () => {
    const running = await documentOf({ platform });
    const { app, http, document } = running;
    const alice = await loginAs(app, { userId: 'alice' });
    const seen = new Set<string>();
    const compare = async (path: string, headers: Record<string, string>) => {
      const reply = await http.get(path).set(headers);
      if (reply.status < 400) return;
      const code = (reply.body as { code: string }).code;
      const response = document.paths[path]?.get?.responses[String(reply.status)];
      expect([path, reply.status, response && 'description' in response && response.description]).toEqual([
        path,
        reply.status,
        path === '/own' && reply.status === 403 ? 'my own words' : expect.stringContaining(`\`${code}\``),
      ]);
      const documented = headersOf(document, path, String(reply.status));
      for (const name of ['WWW-Authenticate', 'Retry-After', 'RateLimit', 'RateLimit-Policy']) {
        if (path === '/own' || (reply.status === 429 && name.startsWith('RateLimit'))) continue;
        expect([path, code, name, documented.includes(name)]).toEqual([
          path,
          code,
          name,
          reply.headers[name.toLowerCase()] !== undefined,
        ]);
      }
      seen.add(code);
    };
    const paths = operationsOf(document).flatMap(({ method, path }) => (method === 'GET' ? [path] : []));
    for (const path of paths) {
      await compare(path, {});
      await compare(path, { authorization: `Bearer ${alice.token.slice(0, -4)}AAAA` });
      await compare(path, alice.headers);
      await compare(path, alice.headers);
    }
    running.breakStore();
    for (const path of paths) await compare(path, alice.headers);
    expect([...seen].sort()).toEqual([
      'forbidden',
      'ip_not_allowed',
      'rate_limited',
      'service_token_invalid',
      'service_token_missing',
      'session_invalid',
      'session_missing',
      'session_store_unavailable',
    ]);
  });

  it('finds every handler below prefixes and versions, whatever its path looks like', async () => {
    const versioned = [Paths, Versions];
    for (const prefix of ['', 'api', '/api/v0/']) {
      const { document } = await documentOf({
        platform,
        controllers: [...versioned, platform.name === 'Fastify' ? FastifyPaths : ExpressPaths],
        prepare: (app) => {
          if (prefix) app.setGlobalPrefix(prefix, { exclude: ['outside'] });
          app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' });
        },
      });
      const lines = linesOf(document);
      expect(lines.length).toBeGreaterThan(8);
      for (const line of lines) expect(line).toContain(SESSION);
      await stopApps();
    }
  });
});

@Controller('paths')
class Paths {
  @Get(':id') one(@Param('id') _id: string) {}
  @Get(':a/with/:b_2') two() {}
  @Get('old/*') old() {}
  @Get(['first', 'second']) several() {}
  @All('any') any() {}
}

@Controller('wildcards')
class ExpressPaths {
  @Get('files/*rest') rest() {}
  @Get('maybe/{*rest}') maybe() {}
  @Get('middle/*/end') middle() {}
}

@Controller('regexps')
class FastifyPaths {
  @Get(':id(^[0-9]+)') digits() {}
}

@Controller()
class Versions {
  @Get() root() {}
  @Get('outside') outside() {}
  @Version(['2', '3']) @Get('both') both() {}
}

describe('documentSessions', () => {
  it('finds handlers where the document leaves the global prefix to the server', async () => {
    const { document } = await documentOf({
      prepare: (app) => void app.setGlobalPrefix('api'),
      ignoreGlobalPrefix: true,
    });
    expect(linesOf(document)).toContain(`GET /me: ${SESSION}; 401 403 429 503`);
  });

  it('names every version that one operation stands for', async () => {
    @Controller('versioned')
    class Versioned {
      @Version('1') @Get() old() {}
      @Public() @Version('2') @Get() current() {}
    }
    const { document } = await documentOf({
      controllers: [Versioned],
      prepare: (app) => void app.enableVersioning({ type: VersioningType.HEADER, header: 'v' }),
    });
    expect(linesOf(document)).toEqual([`GET /versioned: nobody ${SESSION}; 401 403 429 503`]);
  });

  it('names the transports and quotas that the options leave on', async () => {
    const { document } = await documentOf({
      session: { transports: ['bearer'], failedTokens: false, sessionExpiresHeader: true },
    });
    const lines = linesOf(document);
    expect(lines).toContain('POST /open: ; '); // no cookie, so no cross-origin rule
    expect(lines).toContain('GET /me: sessionBearer; 401 403 503');
    expect(headersOf(document, '/me', '200')).toEqual(['Session-Expires']);
    expect(headersOf(document, '/open', '200')).toEqual([]);
  });

  it('names scopes from OpenAPI 3.1 on', async () => {
    const builder = new DocumentBuilder().setOpenAPIVersion('3.1.0');
    const { document } = await documentOf({ builder });
    expect(document.paths['/orders']?.get?.security).toEqual([{ serviceToken: ['orders:read'] }]);
  });

  it('leaves what is behind no guard of ours as it is, and what is there under its names', async () => {
    const builder = new DocumentBuilder().addApiKey({ type: 'apiKey', in: 'header' }, 'sessionCookie');
    const { document } = await documentOf({ isGuardGlobal: false, controllers: [Mixed], builder });
    expect(linesOf(document)).toEqual([
      'GET /mixed/plain: unsaid; ',
      'GET /mixed/guarded: sessionCookie_ sessionBearer; 401 403 429 503',
    ]);
    expect(document.components?.securitySchemes?.['sessionCookie']).toMatchObject({ in: 'header' });
  });

  it('gives each of several SessionModules its own handlers and schemes', async () => {
    const { document } = await documentOf({
      controllers: [Shop],
      isGuardGlobal: false,
      session: { isGlobal: false },
      imports: [OfficeModule],
    });
    const ofName = (suffix: string) => `sessionCookie${suffix} sessionBearer${suffix}`;
    const schemes = document.components?.securitySchemes as Record<string, { name?: string }>;
    const office = schemes['sessionCookie']?.name === '__Host-office' ? '' : '2';
    expect(schemes[`sessionCookie${office}`]?.name).toBe('__Host-office');
    expect(linesOf(document).sort()).toEqual([
      `GET /office: ${ofName(office)}; 401 403 429 503`,
      `GET /shop: ${ofName(office === '' ? '2' : '')}; 401 403 429 503`,
    ]);
  });

  it('adds nothing when it is called again', async () => {
    const { app, document } = await documentOf();
    expect(documentSessions(app, document)).toEqual(document);
  });
});

@Controller('mixed')
class Mixed {
  @Get('plain') plain() {}
  @UseGuards(SessionGuard) @Get('guarded') guarded() {}
}

@UseGuards(SessionGuard)
@Controller('shop')
class Shop {
  @Get() read() {}
}

@UseGuards(SessionGuard)
@Controller('office')
class Office {
  @Get() read() {}
}

@Module({
  imports: [SessionModule.forRoot({ isGlobal: false, cookie: { name: '__Host-office' } })],
  controllers: [Office],
})
class OfficeModule {}
