// The process that is measured: one configuration on one platform. Its parent (measure/app-process.mjs) asks it things.
import { NestFactory } from '@nestjs/core';
import { buildConfiguration } from './apps/index.mjs';
import { makeController, makeModule } from './apps/nest.mjs';
import { answerParent } from './measure/answer-parent.mjs';
import { userIds } from './apps/users.mjs';

async function start({ name, platform, redisUrl, users }) {
  const built = await buildConfiguration(name, { platform, redisUrl });
  let app;
  const { imports = [], providers = [] } = built;
  const module = makeModule({ imports, providers, controllers: [makeController(built, () => app)] });
  app = await NestFactory.create(module, await adapterOf(platform), { logger: ['error', 'warn'] });
  await built.configure?.(app);
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address();
  const logIn = async (id) => headersOf(await fetch(`http://127.0.0.1:${port}/login?user=${id}`));
  return { port, credentials: await Promise.all(userIds(users).map(logIn)) };
}

/** The headers that a client sends from now on: those of the answer's body, or the cookies that it set. */
async function headersOf(response) {
  if (!response.ok)
    throw new Error(`The login was answered with ${response.status}: ${await response.text()}`);
  const cookies = response.headers.getSetCookie().map((cookie) => cookie.split(';')[0]);
  const headers = {
    ...(await response.json()),
    ...(cookies.length > 0 ? { cookie: cookies.join('; ') } : {}),
  };
  if (Object.keys(headers).length === 0) throw new Error('The login gave no token and set no cookie');
  return headers;
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
