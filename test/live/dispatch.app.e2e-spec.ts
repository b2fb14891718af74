import { Inject, Injectable, Module, Scope, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  CurrentUser,
  OptionalSession,
  Public,
  RateLimit,
  Roles,
  SessionGuard,
  SessionModule,
  SessionService,
  type UserState,
  UserStateService,
} from '@latchkey/session';
import { SessionWsAdapter } from '@latchkey/session/ws';
import { bearer, SocketClient } from './support/clients.js';

const PORT = 30_000 + (process.pid % 20_000);

/** What ran, in order. */
const ran: string[] = [];
const run = (what: string): void => void ran.push(what);

// Two gateways on one path, with one event in common. Which of them is found first must not matter.
@WebSocketGateway({ path: '/shared' })
class Plain {
  @SubscribeMessage('wipe')
  wipe(): void {
    run('Plain.wipe');
  }
  @SubscribeMessage('only-plain')
  onlyPlain(): object {
    run('Plain.onlyPlain');
    return { event: 'done', data: {} };
  }
}

@WebSocketGateway({ path: '/shared' })
class Strict {
  @Roles('admin')
  @SubscribeMessage('wipe')
  wipe(): void {
    run('Strict.wipe');
  }
  @RateLimit({ name: 'counted', quota: 1, window: '1h', by: 'user' })
  @SubscribeMessage('counted')
  counted(): object {
    run('Strict.counted');
    return { event: 'done', data: {} };
  }
}

// A subclass beside what it inherits.
class Base {
  @Roles('admin')
  @SubscribeMessage('wipe')
  wipeAll(): void {
    run('Base.wipeAll');
  }
}
@WebSocketGateway({ path: '/inherits' })
class Inherits extends Base {
  @SubscribeMessage('wipe')
  wipeMine(): void {
    run('Inherits.wipeMine');
  }
}

// One method of two gateways, whose classes demand different things.
class Common {
  @SubscribeMessage('say')
  say(): object {
    run(`${this.constructor.name}.say`);
    return { event: 'said', data: {} };
  }
}
@WebSocketGateway({ path: '/open' })
class Open extends Common {}
@Roles('admin')
@WebSocketGateway({ path: '/closed' })
class Closed extends Common {}

@Public()
@WebSocketGateway({ path: '/public' })
class Anybody {
  @SubscribeMessage('free')
  free(): object {
    return { event: 'done', data: {} };
  }
  @Roles('admin')
  @SubscribeMessage('wipe')
  wipe(): void {
    run('Anybody.wipe');
  }
  @OptionalSession()
  @SubscribeMessage('who')
  who(@CurrentUser({ optional: true }) user: UserState | undefined): object {
    return { event: 'you', data: { id: user?.id ?? null } };
  }
}

@Injectable({ scope: Scope.REQUEST })
class PerMessage {}
@WebSocketGateway({ path: '/scoped' })
class Scoped {
  constructor(@Inject(PerMessage) readonly own: PerMessage) {}
  @Roles('admin')
  @SubscribeMessage('wipe')
  wipe(): void {
    run('Scoped.wipe');
  }
  @SubscribeMessage('free')
  free(): object {
    return { event: 'done', data: {} };
  }
}

@UseGuards(SessionGuard)
@WebSocketGateway({ path: '/twice' })
class Twice {
  @RateLimit({ name: 'twice', quota: 2, window: '1h', by: 'user' })
  @SubscribeMessage('counted')
  counted(@CurrentUser() user: UserState): object {
    run('Twice.counted');
    return { event: 'counted', data: { id: user.id } };
  }
}

/** On a port of its own, with no path. */
@WebSocketGateway(PORT)
class Elsewhere {
  @Roles('admin')
  @SubscribeMessage('wipe')
  wipe(): void {
    run('Elsewhere.wipe');
  }
  @SubscribeMessage('answer')
  answer(): unknown {
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    return circular;
  }
  @SubscribeMessage('free')
  free(): object {
    return { event: 'done', data: {} };
  }
}

describe.each([
  ['a global guard', ['global', [Plain, Strict]]],
  ['the gateways the other way round', ['global', [Strict, Plain]]],
  ['a guard of each gateway', ['none', [Plain, Strict]]],
] as const)('with %s, what is checked is what runs:', (_what, [guard, shared]) => {
  let app: NestExpressApplication;
  let url: string;
  const tokens: Record<string, string> = {};
  const opened: SocketClient[] = [];
  const open = async (who: string | undefined, path: string, at = url): Promise<SocketClient> => {
    const socket = await SocketClient.open(at, bearer(who && tokens[who]), path);
    opened.push(socket);
    return socket;
  };
  /** What came back to a message, and what ran for it. */
  const say = async (socket: SocketClient, event: string): Promise<readonly unknown[]> => {
    const before = [socket.messages.length, ran.length] as const;
    socket.send(event);
    socket.send('only-plain-nothing'); // comes back after it, whatever becomes of it
    const isDone = () =>
      socket.messages.some(({ data }, i) => i >= before[0] && data['code'] === 'bad_request');
    for (let i = 0; i < 200 && !isDone(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
    const answers = socket.messages.slice(before[0]).map((one) => one.data['code'] ?? one.event);
    return [...answers.filter((code) => code !== 'bad_request'), ...ran.slice(before[1])];
  };

  beforeAll(async () => {
    const gateways = [...shared, Inherits, Open, Closed, Anybody, Scoped, Twice, Elsewhere];
    if (guard === 'none') for (const gateway of gateways) UseGuards(SessionGuard)(gateway);
    @Module({
      imports: [SessionModule.forRoot(guard === 'global' ? { guard: 'global' } : {})],
      providers: [PerMessage, ...gateways],
    })
    class App {}
    app = await NestFactory.create<NestExpressApplication>(App, { logger: false });
    app.useWebSocketAdapter(new SessionWsAdapter(app));
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
    for (const [id, roles] of [
      ['ada', ['admin']],
      ['bob', ['user']],
    ] as const) {
      await app.get(UserStateService).ensure(id, { roles });
      tokens[id] = (await app.get(SessionService).create(id)).token;
    }
  });
  afterEach(() => {
    for (const socket of opened.splice(0)) socket.close();
  });
  afterAll(() => app.close());

  it('of two gateways on one path, each by its own', async () => {
    const [bob, ada] = [await open('bob', '/shared'), await open('ada', '/shared')];
    expect(new Set(await say(bob, 'wipe'))).toEqual(new Set(['Plain.wipe', 'forbidden']));
    expect(new Set(await say(ada, 'wipe'))).toEqual(new Set(['Plain.wipe', 'Strict.wipe']));
    expect(await say(bob, 'only-plain')).toEqual(['done', 'Plain.onlyPlain']);
    expect(await say(bob, 'counted')).toEqual(['done', 'Strict.counted']);
    expect(await say(bob, 'counted')).toEqual(['rate_limited']);
  });

  it('of a subclass and what it inherits, the one that runs', async () => {
    expect(await say(await open('bob', '/inherits'), 'wipe')).toEqual(['forbidden']);
    expect(await say(await open('ada', '/inherits'), 'wipe')).toEqual(['Base.wipeAll']);
  });

  it('of one method, the class that it runs for', async () => {
    expect(await say(await open('bob', '/open'), 'say')).toEqual(['said', 'Open.say']);
    expect((await SocketClient.refusal(url, bearer(tokens['bob']), '/closed')).status).toBe(403);
    expect(await say(await open('ada', '/closed'), 'say')).toEqual(['said', 'Closed.say']);
  });

  it('of a public gateway, what its handlers demand', async () => {
    const nobody = await open(undefined, '/public');
    expect(await say(nobody, 'free')).toEqual(['done']);
    expect(await say(nobody, 'wipe')).toEqual(['session_missing']);
    expect(await say(nobody, 'who')).toEqual(['you']);
  });

  it('of a gateway that is made for each message', async () => {
    const bob = await open('bob', '/scoped');
    expect(await say(bob, 'free')).toEqual(['done']);
    expect(await say(bob, 'wipe')).toEqual(['forbidden']);
    expect(await say(await open('ada', '/scoped'), 'wipe')).toEqual(['Scoped.wipe']);
  });

  it('once, however many guards there are', async () => {
    const ada = await open('ada', '/twice');
    for (const _ of [1, 2]) expect(await say(ada, 'counted')).toEqual(['counted', 'Twice.counted']);
    expect(await say(ada, 'counted')).toEqual(['rate_limited']);
  });

  it('on a port of its own, and what is no JSON ends nothing', async () => {
    const at = `http://127.0.0.1:${PORT}`;
    const bob = await open('bob', '/anywhere', at);
    expect(await say(bob, 'wipe')).toEqual(['forbidden']);
    expect(await say(bob, 'answer')).toEqual([]);
    expect(await say(bob, 'free')).toEqual(['done']);
    expect((await fetch(at)).status).toBe(426);
  });
});
