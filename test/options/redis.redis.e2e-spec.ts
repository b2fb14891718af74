import { Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  redisClientOptions,
  SessionModule,
  SessionService,
  type SessionModuleOptions,
} from '@latchkey/session';
import { RedisThrottlerStorage } from '@latchkey/session/throttler';
import { Redis } from 'ioredis';
import { RedisServer } from '../support/redis-server.js';

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.stop());

/** What an app with these options warns of at boot, and whether it can make sessions. */
async function warningsOf(options: SessionModuleOptions, providers: object[] = []): Promise<string[]> {
  const lines: string[] = [];
  const silent = () => undefined;
  const warn = (line: unknown) => void lines.push(String(line));
  @Module({ imports: [SessionModule.forRoot(options)], providers: providers as Type[] })
  class App {}
  const app = await NestFactory.createApplicationContext(App, {
    abortOnError: false,
    logger: { log: silent, error: warn, warn, debug: silent, verbose: silent, fatal: warn },
  });
  try {
    await app.get(SessionService).create('ada');
    return lines;
  } finally {
    await app.close();
  }
}

describe('what is said at boot of the option redis', () => {
  it('is one line on redisClientOptions() for a client without them, and none with them', async () => {
    const plain = new Redis(server.url);
    const fit = new Redis(server.url, redisClientOptions());
    try {
      const lines = await warningsOf({ redis: plain });
      expect(lines).toEqual([expect.stringContaining('Make it with redisClientOptions()')]);
      expect(await warningsOf({ redis: fit })).toEqual([]);
      const storage = { provide: 'storage', useFactory: () => new RedisThrottlerStorage({ redis: plain }) };
      expect(await warningsOf({ redis: server.url }, [storage])).toEqual(lines);
    } finally {
      plain.disconnect();
      fit.disconnect();
    }
  });

  it('is nothing for a URL object, which is as good as its text', async () => {
    expect(await warningsOf({ redis: new URL(server.url) })).toEqual([]);
    expect(await server.client().keys('lk:*')).not.toEqual([]);
  });

  it('is that it is undefined, where sessions end up in memory', async () => {
    expect(await warningsOf({ redis: undefined })).toEqual([
      expect.stringContaining('The option redis is undefined: is a setting missing?'),
    ]);
    expect(await warningsOf({})).toEqual([
      expect.stringContaining('Set the option redis to keep them in Redis.'),
    ]);
  });
});

describe('RedisThrottlerStorage', () => {
  it.each([[{ url: 'redis://cache' }], [{}], [undefined], [6_379], ['redis://:p@ss/word@cache']])(
    'refuses %j as the module does',
    (redis) => {
      expect(() => new RedisThrottlerStorage({ redis: redis as never })).toThrow(
        expect.objectContaining({ name: 'SessionConfigurationError', option: 'redis' }),
      );
    },
  );
});
