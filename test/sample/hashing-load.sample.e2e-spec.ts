import { OWASP_COST } from '../../src/config/app-config.js';
import type { Client } from './support/client.js';
import { newName, PASSWORD, Sample } from './support/sample.js';

let sample: Sample;
beforeAll(async () => {
  sample = await Sample.start({
    env: { TRUST_PROXY: '1', LOGIN_QUOTA: '10' },
    passwordCost: OWASP_COST,
  });
});
afterAll(() => sample.stop());

const login = (username: string, ip: string, password = PASSWORD) =>
  sample
    .anybody()
    .post('/auth/login', { username, password, transport: 'bearer' })
    .set('x-forwarded-for', ip)
    .then((reply) => reply);

async function accounts(count: number): Promise<string[]> {
  const names = Array.from({ length: count }, newName);
  for (const username of names) {
    const registering = sample.anybody().post('/auth/register', { username, password: PASSWORD });
    await registering
      .set('x-forwarded-for', `198.51.100.${1 + (Number(names.indexOf(username)) % 200)}`)
      .expect(201);
  }
  return names;
}

describe('while nine accounts log in in a loop, twenty others', () => {
  const places: Readonly<
    Record<string, readonly [loopFrom: (i: number) => string, othersFrom: (i: number) => string]>
  > = {
    'at one address, others at theirs': [() => '192.0.2.1', (i) => `203.0.113.${i}`],
    'at nine addresses, others at theirs': [(i) => `192.0.2.${i}`, (i) => `203.0.113.${i}`],
    'at nine addresses, others at one': [(i) => `192.0.2.${i}`, () => '203.0.113.1'],
    'all at one address': [() => '192.0.2.1', () => '192.0.2.1'],
  };

  let [nine, twenty]: [string[], string[]] = [[], []];
  beforeAll(async () => {
    [nine, twenty] = [await accounts(9), await accounts(20)];
  });

  it.each(Object.entries(places))(
    'get in all the same: %s',
    async (_name, [loopFrom, othersFrom]) => {
      let isOver = false;
      const looping = nine.flatMap((username, i) =>
        Array.from({ length: 8 }, async () => {
          while (!isOver) await login(username, loopFrom(i));
        }),
      );
      await new Promise((resolve) => setTimeout(resolve, 500)); // the queue is full by now
      const replies = await Promise.all(twenty.map((username, i) => login(username, othersFrom(i)))).finally(
        () => (isOver = true),
      );
      await Promise.all(looping);
      expect(replies.map(({ status }) => status)).toEqual(twenty.map(() => 200));
    },
    180_000,
  );
});

it('right logins have a bound of their own, far away, and others do not feel it', async () => {
  const strict = await Sample.start({ env: { TRUST_PROXY: '1', LOGIN_QUOTA: '10' } });
  const at = (username: string, ip: string): PromiseLike<{ status: number; body: Record<string, unknown> }> =>
    strict
      .anybody()
      .post('/auth/login', { username, password: `correct-horse-${username}`, transport: 'bearer' })
      .set('x-forwarded-for', ip);
  const statuses: number[] = [];
  for (let i = 0; i < 400 && !statuses.includes(429); i += 10) {
    const replies = await Promise.all(
      Array.from({ length: 10 }, (_, n) => at('alice', `192.0.2.${(i + n) % 250}`)),
    );
    const over = replies.find(({ status }) => status === 429);
    if (over)
      expect(over.body).toMatchObject({ code: 'rate_limited', 'violated-policies': ['login-work-account'] });
    statuses.push(...replies.map(({ status }) => status));
  }
  expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(300);
  expect(statuses).toContain(429);
  expect((await at('bob', '192.0.2.1')).status).toBe(200);
  await strict.stop();
}, 180_000);

describe('the addresses of one /64', () => {
  const address = (i: number): string =>
    `2001:db8:0:7:${((i * 7919) % 65_536).toString(16)}::${i.toString(16)}`;

  it('have one share of guesses at an account', async () => {
    const [username = ''] = await accounts(1);
    const replies = await Promise.all(
      Array.from({ length: 260 }, (_, i) => login(username, address(i), `guess number ${i}`)),
    );
    const looked = replies.filter(({ status }) => status === 401).length;
    expect(looked).toBeLessThanOrEqual(10);
    expect(looked).toBeGreaterThan(0);
    // The owner comes in from elsewhere, and by the next /64.
    expect((await login(username, '2001:db8:0:8::1')).status).toBe(200);
  });

  it('have one share of guesses at many accounts', async () => {
    const replies = [];
    for (let i = 0; i < 130; i++)
      replies.push((await login(`nobody-${i}`, address(i + 300), 'wrong password')).status);
    expect(replies.filter((status) => status === 401).length).toBeLessThanOrEqual(100);
    expect(replies.at(-1)).toBe(429);
  }, 180_000);

  const routes: Readonly<Record<string, (client: Client, i: number) => ReturnType<Client['post']>>> = {
    messages: (client) => client.post('/auth/password-reset', { username: 'alice' }),
    'guesses at one-time tokens': (client) =>
      client.post('/auth/password-reset/confirm', { token: 'x'.repeat(20), newPassword: PASSWORD }),
    'guesses at proofs': (client) => client.post('/auth/email-proof/confirm', { token: 'x'.repeat(20) }),
    registrations: (client) => client.post('/auth/register', { username: newName(), password: PASSWORD }),
  };

  it.each(Object.entries(routes))('have one share of %s', async (_name, ask) => {
    const strict = await Sample.start({ env: { TRUST_PROXY: '1', LOGIN_QUOTA: '1' } });
    const statuses: number[] = [];
    for (let i = 0; i < 22; i++) {
      statuses.push((await ask(strict.anybody(), i).set('x-forwarded-for', address(i))).status);
    }
    expect(statuses.at(-1)).toBe(429);
    expect((await ask(strict.anybody(), 99).set('x-forwarded-for', '2001:db8:0:8::1')).status).toBeLessThan(
      429,
    );
    await strict.stop();
  });
});
