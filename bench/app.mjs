// The process that is measured: one configuration on one platform. Its parent (measure/app-process.mjs) asks it things.
import { NestFactory } from '@nestjs/core';
import { Redis } from 'ioredis';
import { buildConfiguration } from './apps/index.mjs';
import { makeController, makeModule, READER } from './apps/nest.mjs';
import { answerParent } from './measure/answer-parent.mjs';

const PROFILE = JSON.stringify({ name: 'Ada Lovelace', bio: 'x'.repeat(200) });

async function start({ name, platform, redisUrl, users }) {
  const built = await buildConfiguration(name, { platform, redisUrl });
  const reader = new Redis(redisUrl);
  await reader.set('profile', PROFILE);
  const module = makeModule({
    imports: built.imports ?? [],
    controllers: [makeController(built)],
    providers: [{ provide: READER, useValue: reader }, ...(built.providers ?? [])],
  });
  const app = await NestFactory.create(module, await adapterOf(platform), { logger: ['error', 'warn'] });
  built.configure?.(app);
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address();
  const url = `http://127.0.0.1:${port}`;
  return { port, credentials: await built.credentials(app, { count: users, url }) };
}

async function adapterOf(platform) {
  if (platform === 'fastify') return new (await import('@nestjs/platform-fastify')).FastifyAdapter();
  return new (await import('@nestjs/platform-express')).ExpressAdapter();
}

answerParent({
  start,
  usage: () => {
    const { user, system } = process.cpuUsage();
    return { cpuUs: user + system };
  },
});
