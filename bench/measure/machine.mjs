import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { ensureProgram } from '../../scripts/ensure-debian.mjs';

const MODULES = ['../node_modules/', '../../node_modules/'].map((path) => new URL(path, import.meta.url));
const MEASURED = [
  '@nestjs/core',
  'express',
  'fastify',
  'ioredis',
  'passport-jwt',
  'jsonwebtoken',
  '@nestjs/jwt',
  'jose',
  'fast-jwt',
  'express-session',
  '@fastify/session',
  'supertokens-node',
  'connect-redis',
  'redis',
  'better-auth',
  '@nestjs/throttler',
  '@nest-lab/throttler-storage-redis',
];

/** What the figures were measured on. */
export function describeMachine() {
  const { stdout } = spawnSync(ensureProgram('redis-server'), ['--version'], { encoding: 'utf8' });
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    os: `${type()} ${release()}`,
    node: process.version,
    redis: /v=(\S+)/.exec(stdout)?.[1] ?? 'unknown',
  };
}

/** The commit that was measured; with a `+` when something was changed since. `undefined` outside a clone. */
export function describeCommit() {
  const git = (...args) =>
    spawnSync('git', args, { encoding: 'utf8', cwd: import.meta.dirname }).stdout?.trim();
  const commit = git('rev-parse', '--short', 'HEAD');
  return commit ? `${commit}${git('status', '--porcelain') ? '+' : ''}` : undefined;
}

/** The versions of what was measured, by package. */
export function describePeers() {
  return Object.fromEntries(
    MEASURED.map((name) => {
      const files = MODULES.map((folder) => new URL(`${name}/package.json`, folder));
      const file = files.find((candidate) => existsSync(candidate));
      if (!file) throw new Error(`${name} is not installed`);
      return [name, JSON.parse(readFileSync(file, 'utf8')).version];
    }),
  );
}
