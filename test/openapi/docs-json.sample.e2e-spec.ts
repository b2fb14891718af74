import type { OpenAPIObject } from '@nestjs/swagger';
import request from 'supertest';
import { PolicyManifest } from '@latchkey/session';
import { AppProcess } from '../support/app-process.js';
import { BUILD_TIMEOUT_MS, buildSample } from '../sample/support/build.js';
import { Sample } from '../sample/support/sample.js';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

function operationsOf(document: OpenAPIObject) {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method];
      return operation ? [{ method: method.toUpperCase(), path, operation }] : [];
    }),
  );
}

/** Every value of a name, wherever it stands. */
function valuesOf(name: string, within: unknown): unknown[] {
  if (typeof within !== 'object' || within === null) return [];
  return Object.entries(within).flatMap(([key, value]) => [
    ...(key === name ? [value as unknown] : []),
    ...valuesOf(name, value),
  ]);
}

describe("the built sample's document", () => {
  beforeAll(buildSample, BUILD_TIMEOUT_MS);

  /** As the compiler's plugin of @nestjs/swagger makes it. */
  async function builtDocument(env: Record<string, string>): Promise<OpenAPIObject> {
    const app = await AppProcess.start({ env });
    try {
      return (await request(app.url).get('/docs-json').expect(200)).body as OpenAPIObject;
    } finally {
      await app.stop();
    }
  }

  it.each<Record<string, string>>([{}, { REFRESH: 'on' }])(
    'has what linters ask for, with %j',
    async (env) => {
      const document = await builtDocument(env);
      expect(document.servers).not.toEqual([]);
      expect(document.info.license).toBeDefined();
      for (const { method, path, operation } of operationsOf(document)) {
        expect([method, path, operation.summary, operation.security]).toEqual([
          method,
          path,
          expect.any(String),
          expect.any(Array),
        ]);
        expect(Object.keys(operation.responses)).toEqual(
          expect.arrayContaining([expect.stringMatching(/^4/)]),
        );
      }
      const ids = operationsOf(document).map(({ operation }) => operation.operationId);
      expect(new Set(ids).size).toBe(ids.length);
      const refs = new Set(valuesOf('$ref', document) as string[]);
      const components = ['schemas', 'headers'] as const;
      const parts = components.flatMap((section) =>
        Object.keys(document.components?.[section] ?? {}).map((name) => `#/components/${section}/${name}`),
      );
      expect([...refs].sort()).toEqual(parts.sort());
      const schemes = new Set(
        operationsOf(document).flatMap(({ operation }) => (operation.security ?? []).flatMap(Object.keys)),
      );
      expect([...schemes].sort()).toEqual(Object.keys(document.components?.securitySchemes ?? {}).sort());
      expect(valuesOf('bearerFormat', document)).toEqual([]);
    },
  );

  it('has patterns that other languages read, too', async () => {
    const patterns = valuesOf('pattern', await builtDocument({ REFRESH: 'on' })) as string[];
    expect(patterns.length).toBeGreaterThan(0);
    // JavaScript's own: `[^]`, `[]`, names of Unicode properties, looking around, flags.
    for (const pattern of patterns) expect(pattern).not.toMatch(/\[\^?\]|\\[pPk]|\(\?|^\/.*\/\w*$/);
  });
});

describe("the sample's document", () => {
  const running: Sample[] = [];
  const documentOf = async (env: Record<string, string> = {}) => {
    const sample = await Sample.start({ env });
    running.push(sample);
    const { body } = await request(sample.url).get('/docs-json').expect(200);
    return { sample, document: body as OpenAPIObject };
  };

  afterEach(async () => {
    for (const sample of running.splice(0)) await sample.stop();
  });

  it('agrees with the policy manifest', async () => {
    const { sample, document } = await documentOf({ REFRESH: 'on' });
    const entries = sample.app.get(PolicyManifest).list();
    for (const { method, path, operation } of operationsOf(document)) {
      const entry = entries.find(
        (one) => one.method === method && one.path.replaceAll(/:(\w+)/g, '{$1}') === path,
      );
      const session = [{ sessionCookie: [] }, { sessionBearer: [] }];
      expect([path, operation.security]).toEqual([path, entry?.access === 'public' ? [] : session]);
      expect([path, '429' in operation.responses]).toEqual([
        path,
        entry?.access === 'guarded' || entry?.quotas !== undefined,
      ]);
    }
    expect(operationsOf(document).length).toBeGreaterThan(25);
  });

  it('lists only what is served as it is configured', async () => {
    expect((await documentOf()).document.paths).not.toHaveProperty(['/auth/refresh']);
    const { document } = await documentOf({ REFRESH: 'on', ACCESS_TOKEN: 'jwt', JWT_ALG: 'ES256' });
    expect(document.paths).toHaveProperty(['/auth/refresh']);
    expect(document.components?.securitySchemes?.['sessionBearer']).toMatchObject({ bearerFormat: 'JWT' });
  });

  it('demands no body of a refresh, and neither does the route', async () => {
    const { sample, document } = await documentOf({ REFRESH: 'on' });
    expect(document.paths['/auth/refresh']?.post?.requestBody).toMatchObject({ required: false });
    const login = await request(sample.url)
      .post('/auth/login')
      .send({ username: 'alice', password: 'correct-horse-alice' })
      .expect(200);
    const cookies = (login.headers['set-cookie'] as unknown as string[]).map((line) => line.split(';')[0]);
    await request(sample.url).post('/auth/refresh').set('Cookie', cookies.join('; ')).expect(200);
  });
});
