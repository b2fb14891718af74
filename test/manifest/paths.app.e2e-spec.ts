import { RequestMethod, VERSION_NEUTRAL, VersioningType, type INestApplication } from '@nestjs/common';
import { RouterModule } from '@nestjs/core';
import { PolicyManifest } from '@latchkey/session';
import { startApp, stopApps } from '../support/library-app.js';
import * as handlers from './support/handlers.js';
import { manifestOf } from './support/manifest-of.js';

afterEach(stopApps);

describe('the paths that PolicyManifest lists', () => {
  const modules = [
    handlers.InnerModule,
    RouterModule.register([{ path: 'outer', module: handlers.InnerModule }]),
  ];
  const controllers = [handlers.SeveralPaths, handlers.Versioned];

  it.each<[string, (app: INestApplication) => void]>([
    ['as they are written', () => {}],
    ['below a global prefix', (app) => app.setGlobalPrefix('/api/')],
    [
      'below a global prefix with exceptions',
      (app) =>
        app.setGlobalPrefix('api', {
          exclude: [
            'dogs/any',
            { path: 'versioned/*rest', method: RequestMethod.GET },
            { path: 'cats', method: RequestMethod.POST },
          ],
        }),
    ],
    ['with versions in the path', (app) => app.enableVersioning({ type: VersioningType.URI })],
    [
      'with versions in the path, a default, no prefix of their own, and a global prefix with exceptions',
      (app) => {
        app.enableVersioning({
          type: VersioningType.URI,
          prefix: false,
          defaultVersion: ['7', VERSION_NEUTRAL],
        });
        app.setGlobalPrefix('api', { exclude: ['cats', 'versioned', 'outer/inner/:id'] });
      },
    ],
    [
      'with versions in a header',
      (app) => app.enableVersioning({ type: VersioningType.HEADER, header: 'v' }),
    ],
  ])('are those that Express serves, %s', async (_, prepare) => {
    const { app, entries } = await manifestOf(controllers, { module: { imports: modules }, prepare });
    const listed = entries.map(({ method, path, handler }) => `${method} ${path} ${handler}`);
    expect(listed.sort()).toEqual(routesOfExpress(app));
    expect(listed.length).toBeGreaterThan(12);
  });

  it('stand beside versions that are elsewhere, and beside the host', async () => {
    const { entries } = await manifestOf([handlers.Versioned, handlers.OfOneHost], {
      prepare: (app) =>
        app.enableVersioning({ type: VersioningType.MEDIA_TYPE, key: 'v=', defaultVersion: '9' }),
    });
    expect(entries.map(({ path, versions, host }) => ({ path, versions, host }))).toEqual([
      { path: '/by-host', versions: ['9'], host: 'api.example.com' },
      { path: '/versioned', versions: ['1', 'neutral'] },
      { path: '/versioned/newer', versions: ['2'] },
    ]);
  });

  it('are listed once for a controller of two modules', async () => {
    const { entries } = await manifestOf([handlers.Plain], { module: { imports: [handlers.PlainModule] } });
    expect(entries.map(({ path }) => path)).toEqual(['/plain', '/plain/open', '/plain/optional']);
  });

  it('are sorted, whatever the order of the controllers, and written one a line', async () => {
    const texts: string[] = [];
    for (const order of [controllers, [...controllers].reverse()]) {
      const { app } = await startApp({ controllers: order });
      texts.push(app.get(PolicyManifest).toText());
    }
    expect(texts[1]).toBe(texts[0]);
    const lines = texts[0]!.trim().split('\n');
    expect(lines[1]).toBe(
      '  { "kind": "http", "method": "GET", "path": "/cats", "handler": "SeveralPaths.list", "access": "unguarded" },',
    );
    expect(JSON.parse(texts[0]!)).toHaveLength(lines.length - 2);
  });
});

interface ExpressRoute {
  readonly path: string;
  readonly methods: Readonly<Record<string, boolean>>;
  readonly stack: readonly { readonly handle: Function }[];
}

/** What the router really has, of which the manifest must not be a line short. */
function routesOfExpress(app: INestApplication): string[] {
  const { router } = app.getHttpAdapter().getInstance() as {
    router: { stack: { route?: ExpressRoute }[] };
  };
  return router.stack
    .flatMap(({ route }) => {
      const handler = route?.stack[0]?.handle.name;
      // Nest names its handlers; the rest answers 404 to what the global prefix leaves out.
      if (!route || !handler?.includes('.')) return [];
      const [method, ...others] = Object.keys(route.methods);
      const isAll = others.length > 0 || method === '_all';
      return [`${isAll ? 'ALL' : method!.toUpperCase()} ${route.path} ${handler}`];
    })
    .sort();
}
