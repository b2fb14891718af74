import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const root = resolve(__dirname, '..');
const lib = 'libs/session/src';

/** Files that break the import rule, each in one way: the linter must refuse every one. */
const forbidden: Readonly<Record<string, string>> = {
  [`${lib}/model/sibling.ts`]: `import '../policy/ok.js';`,
  [`${lib}/model/root.ts`]: `import '../session.module.js';`,
  [`${lib}/model/package.ts`]: `import 'node:crypto';`,
  [`${lib}/model/nest.ts`]: `import { Injectable } from '@nestjs/common'; Injectable();`,
  [`${lib}/policy/repository.ts`]: `import { a } from '../repository/ok.js'; a();`,
  [`${lib}/policy/type.ts`]: `import type { A } from '../repository/ok.js'; export type B = A;`,
  [`${lib}/policy/impure.ts`]: `import { readFileSync } from 'node:fs'; readFileSync('x');`,
  [`${lib}/policy/nest.ts`]: `import { Injectable } from '@nestjs/common'; Injectable();`,
  [`${lib}/token/policy.ts`]: `import { a } from '../policy/ok.js'; a();`,
  [`${lib}/token/impure.ts`]: `import { readFileSync } from 'node:fs'; readFileSync('x');`,
  [`${lib}/redis/repository.ts`]: `import { a } from '../repository/ok.js'; a();`,
  [`${lib}/redis/token.ts`]: `import { a } from '../token/ok.js'; a();`,
  [`${lib}/redis/root.ts`]: `import { a } from '../session.settings.js'; a();`,
  [`${lib}/redis/re-export.ts`]: `export * from '../guard/ok.js';`,
  [`${lib}/repository/ioredis.ts`]: `import { Redis } from 'ioredis'; Redis.name;`,
  [`${lib}/repository/ioredis-type.ts`]: `import type { Redis } from 'ioredis'; export type A = Redis;`,
  [`${lib}/repository/nest.ts`]: `import { Injectable } from '@nestjs/common'; Injectable();`,
  [`${lib}/repository/guard.ts`]: `import { a } from '../guard/ok.js'; a();`,
  [`${lib}/repository/dynamic.ts`]: `export const a = () => import('../guard/ok.js');`,
  [`${lib}/repository/root.ts`]: `import { a } from '../session.module.js'; a();`,
  [`${lib}/transport/guard.ts`]: `import { a } from '../guard/ok.js'; a();`,
  [`${lib}/transport/repository.ts`]: `import { a } from '../repository/ok.js'; a();`,
  [`${lib}/transport/redis.ts`]: `import { a } from '../redis/ok.js'; a();`,
  [`${lib}/transport/nest.ts`]: `import { Injectable } from '@nestjs/common'; Injectable();`,
  [`${lib}/transport/settings.ts`]: `import { a } from '../session.settings.js'; a();`,
  [`${lib}/platform/transport.ts`]: `import { a } from '../transport/ok.js'; a();`,
  [`${lib}/platform/repository.ts`]: `import type { A } from '../repository/ok.js'; export type B = A;`,
  [`${lib}/platform/root.ts`]: `import { a } from '../session.service.js'; a();`,
  [`${lib}/guard/ioredis.ts`]: `import { Redis } from 'ioredis'; Redis.name;`,
  [`${lib}/guard/passport.ts`]: `import { a } from '../passport/ok.js'; a();`,
  [`${lib}/guard/testing.ts`]: `import { a } from '../testing/ok.js'; a();`,
  [`${lib}/guard/deeper/passport.ts`]: `import { a } from '../../passport/ok.js'; a();`,
  [`${lib}/passport/testing.ts`]: `import { a } from '../testing/ok.js'; a();`,
  [`${lib}/passport/ioredis.ts`]: `import { Redis } from 'ioredis'; Redis.name;`,
  [`${lib}/throttler/ioredis.ts`]: `import { Redis } from 'ioredis'; Redis.name;`,
  [`${lib}/throttler/guard.ts`]: `import { a } from '../guard/ok.js'; a();`,
  [`${lib}/throttler/repository.ts`]: `import type { A } from '../repository/ok.js'; export type B = A;`,
  [`${lib}/throttler/core.ts`]: `import { Reflector } from '@nestjs/core'; Reflector.name;`,
  [`${lib}/guard/throttler.ts`]: `import { a } from '../throttler/ok.js'; a();`,
  [`${lib}/redis/throttler.ts`]: `import { ThrottlerGuard } from '@nestjs/throttler'; ThrottlerGuard.name;`,
  [`${lib}/testing/ioredis.ts`]: `import { Redis } from 'ioredis'; Redis.name;`,
  [`${lib}/testing/deeper/outside.ts`]: `import { a } from '../../../../../src/ok.js'; a();`,
  [`${lib}/testing/itself.ts`]: `import { a } from '@latchkey/session'; a();`,
  [`${lib}/data/nest.ts`]: `import { Logger } from '@nestjs/common'; Logger.log('x');`,
  [`${lib}/data/guard.ts`]: `import { a } from '../guard/ok.js'; a();`,
  [`${lib}/audit/nest.ts`]: `import { Injectable } from '@nestjs/common'; Injectable();`,
  [`${lib}/audit/guard.ts`]: `import { a } from '../guard/ok.js'; a();`,
  [`${lib}/audit/root.ts`]: `import { a } from '../session.module.js'; a();`,
  [`${lib}/audit/ioredis.ts`]: `import { Redis } from 'ioredis'; Redis.name;`,
  [`${lib}/root-ioredis.ts`]: `import type { Redis } from 'ioredis'; export type A = Redis;`,
  [`${lib}/root-passport.ts`]: `export * from './passport/ok.js';`,
  [`${lib}/root-throttler.ts`]: `import { ThrottlerGuard } from '@nestjs/throttler'; ThrottlerGuard.name;`,
  [`${lib}/root-jwt.ts`]: `export * from './jwt/ok.js';`,
  [`${lib}/root-jwt-dynamic.ts`]: `export const a = () => import('./jwt/ok.js');`,
  [`${lib}/root-jose.ts`]: `import { jwtVerify } from 'jose'; jwtVerify.name;`,
  [`${lib}/session.access-tokens.ts`]: `import { a } from './repository/ok.js'; a();`,
  [`${lib}/guard/jwt.ts`]: `import { a } from '../jwt/ok.js'; a();`,
  [`${lib}/live/jose.ts`]: `import { jwtVerify } from 'jose'; jwtVerify.name;`,
  [`${lib}/token/jose.ts`]: `import { jwtVerify } from 'jose'; jwtVerify.name;`,
  [`${lib}/audit/jose.ts`]: `import { jwtVerify } from 'jose'; jwtVerify.name;`,
  [`${lib}/passport/jwt.ts`]: `import { a } from '../jwt/ok.js'; a();`,
  [`${lib}/testing/jwt.ts`]: `import { a } from '../jwt/ok.js'; a();`,
  [`${lib}/jwt/ioredis.ts`]: `import { Redis } from 'ioredis'; Redis.name;`,
  [`${lib}/jwt/repository.ts`]: `import { a } from '../repository/ok.js'; a();`,
  [`${lib}/jwt/deeper/redis.ts`]: `import { a } from '../../redis/ok.js'; a();`,
  [`${lib}/jwt/passport.ts`]: `import { a } from '../passport/ok.js'; a();`,
  [`${lib}/root-outside.ts`]: `import { a } from '../../../src/ok.js'; a();`,
  [`${lib}/session.options.ts`]: `import { Redis } from 'ioredis'; Redis.name;`,
  'src/posts/path.ts': `import { a } from '../../libs/session/src/model/ok.js'; a();`,
  'src/posts/subpath.ts': `import { a } from '@latchkey/session/dist/esm/model/ok.js'; a();`,
  'src/main.ts': `export * from '../libs/session/src/index.js';`,
  [`${lib}/policy/cycle-a.ts`]: `import { b } from './cycle-b.js'; export const a = () => b;`,
  [`${lib}/policy/cycle-b.ts`]: `import { a } from './cycle-a.js'; export const b = () => a;`,
};

/** The same layers within the rule: a linter that refuses everything would pass the list above too. */
const allowed: Readonly<Record<string, string>> = {
  [`${lib}/model/ok.ts`]: `import { HttpException } from '@nestjs/common'; export const a = HttpException;`,
  [`${lib}/policy/ok.ts`]: `import { a as m } from '../model/ok.js'; export const a = m;`,
  [`${lib}/token/ok.ts`]: `import { hash } from 'node:crypto'; export const a = () => hash('sha256', 'x');`,
  [`${lib}/redis/ok.ts`]: `import { Redis } from 'ioredis'; import { a as m } from '../model/ok.js'; export const a = () => m(Redis);`,
  [`${lib}/repository/ok.ts`]: `import { a as r } from '../redis/ok.js'; import { a as t } from '../token/ok.js'; export const a = () => r(t);`,
  [`${lib}/transport/ok.ts`]: `import type { S } from '../session.settings.js'; import { a as t } from '../token/ok.js'; export const a = (s: S) => t(s);`,
  [`${lib}/platform/ok.ts`]: `import type { ExecutionContext } from '@nestjs/common'; import type { T } from '../transport/ok.js'; import { a as p } from '../policy/ok.js'; export const b = p; export type A = [ExecutionContext, T];`,
  [`${lib}/guard/ok.ts`]: `import { Injectable } from '@nestjs/common'; import { a as s } from '../session.service.js'; export const a = () => s(Injectable);`,
  [`${lib}/passport/ok.ts`]: `import { PassportStrategy } from '@nestjs/passport'; import { a as g } from '../guard/ok.js'; export const a = () => g(PassportStrategy);`,
  [`${lib}/throttler/ok.ts`]: `import { ThrottlerStorageService } from '@nestjs/throttler'; import { a as r } from '../redis/ok.js'; import type { RateLimiter } from '../rate-limiter.service.js'; export const a = (l: RateLimiter) => r(ThrottlerStorageService, l);`,
  [`${lib}/jwt/ok.ts`]: `import { Injectable } from '@nestjs/common'; import { jwtVerify } from 'jose'; import { a as g } from '../guard/ok.js'; export const a = () => g(Injectable, jwtVerify);`,
  [`${lib}/testing/ok.ts`]: `import { Test } from '@nestjs/testing'; import { a as r } from '../repository/ok.js'; export const a = () => r(Test);`,
  [`${lib}/testing/deeper/ok.ts`]: `import { a as r } from '../../repository/ok.js'; export const a = r;`,
  [`${lib}/repository/ok.spec.ts`]: `import { a } from '../testing/ok.js'; a();`,
  [`${lib}/session.service.ts`]: `import { a as r } from './repository/ok.js'; export const a = r;`,
  'src/posts/ok.ts': `import { a } from '@latchkey/session'; import { b } from '@latchkey/session/testing'; import { Redis } from 'ioredis'; a(b, Redis);`,
};

interface LintReport {
  readonly diagnostics: readonly { readonly code: string; readonly filename: string }[];
}

async function lint(folder: string): Promise<Map<string, string>> {
  const oxlint = join(root, 'node_modules/oxlint/bin/oxlint');
  const output = await new Promise<string>((resolveOutput) => {
    const args = [
      oxlint,
      '--format',
      'json',
      '-A',
      'all',
      '-D',
      'no-restricted-imports',
      '-D',
      'import/no-cycle',
      '.',
    ];
    execFile(process.execPath, args, { cwd: folder }, (_error, stdout) => resolveOutput(stdout));
  });
  const report = JSON.parse(output) as LintReport;
  return new Map(report.diagnostics.map(({ filename, code }) => [filename.replaceAll('\\', '/'), code]));
}

describe('the import rule of the layout', () => {
  let folder: string;
  let refused: Map<string, string>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'latchkey-layout-'));
    for (const name of ['.oxlintrc.json', 'tsconfig.json']) await cp(join(root, name), join(folder, name));
    for (const [path, code] of Object.entries({ ...forbidden, ...allowed })) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), `${code}\n`);
    }
    refused = await lint(folder);
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each(Object.keys(forbidden))('refuses %s', (path) => {
    const rule = path.includes('cycle') ? 'import(no-cycle)' : 'eslint(no-restricted-imports)';
    expect(refused.get(path)).toBe(rule);
  });

  it.each(Object.keys(allowed))('accepts %s', (path) => {
    expect(refused.get(path)).toBeUndefined();
  });
});
