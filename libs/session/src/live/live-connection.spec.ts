import { OpenSubscriptions } from '../graphql/open-subscriptions.js';
import type { Decision } from '../model/decision.js';
import { SessionError } from '../model/session-error.js';
import type { TokenCheckResult } from '../services/sessions/token-check.js';
import { type ConnectionNode, LiveConnection } from './live-connection.js';

const session = { id: 'S', userId: 'mia', authenticatedAt: 0, expiresAt: Date.now() + 60_000 };
const permitted = { permit: true, session, user: { id: 'mia' }, quotas: [] } as unknown as Decision;
const limited = { permit: false, reason: 'rate_limited', quotas: [] } as unknown as Decision;
const expired = { permit: false, reason: 'session_expired', quotas: [] } as unknown as Decision;

// An answer that took long on a busy machine would be asked for again.
beforeEach(() => jest.useFakeTimers({ doNotFake: ['setImmediate'] }));
afterEach(() => jest.useRealTimers());

/** Storage that answers when it is told to. */
class Questions {
  readonly asked: {
    readonly token: string;
    readonly cause: string;
    readonly answer: (decision: Decision) => Promise<void>;
  }[] = [];
  readonly node: ConnectionNode = {
    isAwaited: true,
    isVouchedFor: true,
    remove: () => undefined,
    check: ({ token }, _requirements, cause) =>
      new Promise<TokenCheckResult>((resolve) => {
        const answer = async (decision: Decision): Promise<void> => {
          resolve({ decision, now: Date.now() } as TokenCheckResult);
          await new Promise((taken) => setImmediate(taken));
        };
        this.asked.push({ token, cause, answer });
      }),
  };

  async open(): Promise<LiveConnection> {
    const requirements = { roleGroups: [], quotas: [] } as never;
    const handshake = { token: 'old', userRef: 'R', sessionId: 'S', requirements, clientIp: undefined };
    const connection = new LiveConnection(handshake, this.node);
    const admitted = connection.admit();
    await this.next().answer(permitted);
    await admitted;
    connection.open(() => undefined);
    return connection;
  }

  next() {
    return this.asked.shift()!;
  }
}

describe('a connection that goes on with a new token', () => {
  it('is not ended by an answer about the old one that comes later', async () => {
    const questions = new Questions();
    const connection = await questions.open();
    const rechecked = connection.recheck();
    const aboutOld = questions.next();
    const renewed = connection.renew('new');
    await questions.next().answer(permitted);
    await aboutOld.answer(expired);
    expect(questions.asked.map(({ token }) => token)).toEqual(['new', 'new']); // the renewal's, and the recheck's
    for (const { answer } of questions.asked.splice(0)) await answer(permitted);
    expect(await rechecked).toBe(false);
    await renewed;
    expect(connection.isEnded).toBe(false);
    connection.closed();
  });

  it.each(['old', 'new'])(
    'takes a refused quota for an answer, while it is renewed by the token %s',
    async (token) => {
      const questions = new Questions();
      const connection = await questions.open();
      const checked = connection.check();
      const message = questions.next();
      const renewed = connection.renew(token);
      await questions.next().answer(permitted);
      await message.answer(limited);
      expect(await checked).toMatchObject({ permit: false, reason: 'rate_limited' });
      await questions.next().answer(permitted);
      await renewed;
      connection.closed();
    },
  );

  it('asks for a message again as a message, where the old token was denied', async () => {
    const questions = new Questions();
    const connection = await questions.open();
    const checked = connection.check();
    const message = questions.next();
    const renewed = connection.renew('new');
    await questions.next().answer(permitted);
    await message.answer(expired);
    expect(questions.asked.map(({ cause }) => cause)).toEqual(['recheck', 'message']);
    for (const { answer } of questions.asked.splice(0)) await answer(permitted);
    expect(await checked).toMatchObject({ permit: true });
    await renewed;
    connection.closed();
  });

  it('keeps the later of two, whichever is answered first', async () => {
    const questions = new Questions();
    const connection = await questions.open();
    const [one, two] = [connection.renew('one'), connection.renew('two')];
    const [first, second] = [questions.next(), questions.next()];
    await second.answer(permitted);
    await first.answer(permitted);
    expect(questions.asked.map(({ token }) => token)).toEqual(['two', 'two']);
    for (const { answer } of questions.asked.splice(0)) await answer(permitted);
    await Promise.all([one, two]);
    connection.closed();
  });
});

describe('a subscription that begins while its connection gets a new token', () => {
  it('is registered with the new one where the old one is denied', async () => {
    const questions = new Questions();
    const connection = await questions.open();
    const subscriptions = new OpenSubscriptions('old');
    const tokens: (string | undefined)[] = [];
    const begun = subscriptions.begin(async (token) => {
      tokens.push(token);
      if (token !== 'old') return connection;
      await subscriptions.renew('new');
      throw new SessionError('session_expired');
    });
    (await begun).closed();
    expect(tokens).toEqual(['old', 'new']);
    await expect(
      subscriptions.begin(() => Promise.reject(new SessionError('session_expired'))),
    ).rejects.toMatchObject({ code: 'session_expired' });
  });
});
