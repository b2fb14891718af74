import { type INestApplication, SetMetadata, type Type } from '@nestjs/common';
import { ExternalContextCreator } from '@nestjs/core/helpers/external-context-creator.js';
import { Roles, SessionError, SessionModule } from '@latchkey/session';
import type { ContextReader } from '@latchkey/session/access';
import { Test } from '@nestjs/testing';
import { type ContextKit, describeContext } from './support/describe-context.js';

/** What a bot's library hands to guards and handlers. */
interface Update {
  readonly token: string | undefined;
  readonly address: string;
}

const reader: ContextReader = {
  type: 'bot',
  callOf: ([update]) => {
    const { token, address } = update as Update;
    const headers = { authorization: token === undefined ? undefined : `Bearer ${token}` };
    return { request: { headers, socket: { remoteAddress: address } }, unit: update as object };
  },
};

const PARAMETERS = '__routeArguments__';
let latest: Type;
const commandsOf = new WeakMap<INestApplication, Type>();

/** As libraries of other contexts call handlers: by way of Nest's guards. */
const bot: ContextKit = {
  name: 'a context of the app’s own',
  among: 'providers',
  options: { contexts: [reader] },
  onMethod: (name) => SetMetadata('bot:command', name),
  onClass: (commands) => void (latest = commands as unknown as Type),
  prepare: (app) => void commandsOf.set(app, latest),
  connect: async (app, token) => {
    const commands = app.get<Record<string, (...args: unknown[]) => unknown>>(commandsOf.get(app) as Type, {
      strict: false,
    });
    return {
      call: async (handler) => {
        const run = app
          .get(ExternalContextCreator)
          .create(
            commands,
            commands[handler] as never,
            handler,
            PARAMETERS,
            { exchangeKeyForValue: () => undefined },
            undefined,
            undefined,
            undefined,
            'bot',
          );
        try {
          return { value: await run({ token, address: '127.0.0.1' } satisfies Update) };
        } catch (error) {
          if (!(error instanceof SessionError)) throw error;
          return { code: error.code };
        }
      },
      close: () => undefined,
    };
  },
};

describeContext(bot);

describe('the option contexts', () => {
  class Commands {
    @Roles('admin')
    shutDown() {}
  }
  const boot = (options: object) =>
    Test.createTestingModule({
      imports: [SessionModule.forRoot({ allowMemoryInProduction: true, ...options })],
      providers: [Commands],
    })
      .compile()
      .then((testing) => testing.createNestApplication({ logger: false }).init())
      .then((app) => app.close());

  it('demands a guard before what has requirements', async () => {
    await expect(boot({ contexts: [reader] })).rejects.toThrow('nothing enforces');
    await expect(boot({ guard: 'global' })).rejects.toThrow('nothing enforces');
    await expect(boot({ contexts: [reader], guard: 'global' })).resolves.toBeUndefined();
  });

  it.each([
    ['no list', reader],
    ['one that is known already', [{ ...reader, type: 'graphql' }]],
    ['two of one type', [reader, reader]],
    ['no function', [{ type: 'bot', callOf: 'x' }]],
    ['no type', [{ callOf: reader.callOf }]],
    ['nothing', [undefined]],
  ])('stops the app with %s', async (_what, contexts) => {
    await expect(boot({ contexts, guard: 'global' })).rejects.toThrow(/contexts/);
  });
});
