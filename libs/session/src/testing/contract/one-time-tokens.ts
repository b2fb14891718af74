// Over 250 lines: one specification, whose tests share their steps.
/// <reference types="jest" />
import { randomBytes } from 'node:crypto';
import type {
  IssuedOneTimeToken,
  OneTimeTokens,
} from '../../services/one-time-tokens/one-time-tokens.service.js';
import type { SessionService } from '../../services/sessions/session.service.js';
import type { UserStateService } from '../../services/users/user-state.service.js';

interface OneTimeHarness {
  /** The same tokens, from several nodes. */
  readonly nodes: readonly OneTimeTokens[];
  readonly sessions: SessionService;
  readonly users: UserStateService;
  /** The repository's clock. */
  now(): number;
  advance(ms: number): Promise<void> | void;
  close(): Promise<void> | void;
}

const TTL = { ttl: '1h' } as const;
const RESET = 'password-reset';

/** The specification of one-time tokens, as tests: every repository passes all of them. */
export function describeOneTimeTokenContract(
  name: string,
  makeHarness: () => Promise<OneTimeHarness> | OneTimeHarness,
): void {
  describe(`${name}: the contract of one-time tokens`, () => {
    let harness: OneTimeHarness;
    let tokens: OneTimeTokens;
    let users: UserStateService;

    beforeEach(async () => {
      harness = await makeHarness();
      tokens = harness.nodes[0] as OneTimeTokens;
      users = harness.users;
    });
    afterEach(() => harness.close());

    const refused = { code: 'token_invalid', statusCode: 401, message: 'The token is not valid' };
    const expectInvalid = (token: unknown, purpose = RESET) =>
      expect(tokens.consume(token, purpose)).rejects.toMatchObject(refused);
    const isGood = async ({ token }: IssuedOneTimeToken, purpose = RESET): Promise<boolean> => {
      try {
        await tokens.consume(token, purpose);
        return true;
      } catch (error) {
        expect(error).toMatchObject(refused);
        return false;
      }
    };
    const all = (issued: readonly IssuedOneTimeToken[]) => Promise.all(issued.map((one) => isGood(one)));
    /** A few milliseconds apart, so that one is the older. */
    const issueInTurn = async (howMany: number, options = {}, purpose = RESET) => {
      const issued: IssuedOneTimeToken[] = [];
      for (let i = 0; i < howMany; i++)
        issued.push(await tokens.issue(purpose, 'ada', { ...TTL, ...options }));
      return issued;
    };

    it('hand back their subject and data, once', async () => {
      const data = { to: 'ü "{}" \u0000', list: [], none: null, deep: { n: -1.5 } };
      const before = harness.now();
      const { token, expiresAt } = await tokens.issue(RESET, 'ada', { ...TTL, data });
      expect(token).toMatch(/^lko_[A-Za-z0-9_-]{81}$/);
      expect(Math.abs(expiresAt - before - 3_600_000)).toBeLessThan(5_000);
      expect(await tokens.consume(token, RESET)).toEqual({ subject: 'ada', data });
      await expectInvalid(token);
    });

    it('have no data when none was given', async () => {
      const { token } = await tokens.issue(RESET, 'ada', TTL);
      expect(await tokens.consume(token, RESET)).toEqual({ subject: 'ada', data: undefined });
    });

    it('work for one of a hundred who try at once, on several nodes', async () => {
      const { nodes } = harness;
      for (let round = 0; round < 5; round++) {
        const { token } = await tokens.issue(RESET, 'ada', { ...TTL, data: round });
        const tries = Array.from({ length: 100 }, (_, i) =>
          (nodes[i % nodes.length] as OneTimeTokens).consume(token, RESET),
        );
        const ends = await Promise.allSettled(tries);
        const won = ends.filter((end) => end.status === 'fulfilled');
        expect(won.map((end) => (end as PromiseFulfilledResult<unknown>).value)).toEqual([
          { subject: 'ada', data: round },
        ]);
        for (const end of ends) if (end.status === 'rejected') expect(end.reason).toMatchObject(refused);
      }
    });

    it('are not used up by who tries them for another purpose', async () => {
      const { token } = await tokens.issue(RESET, 'ada', TTL);
      await expectInvalid(token, 'email-proof');
      await expectInvalid(token, 'password-reset2');
      await expectInvalid(token, 'password-rese');
      expect(await tokens.consume(token, RESET)).toMatchObject({ subject: 'ada' });
    });

    it('are not used up by who has everything but the secret', async () => {
      const { token } = await tokens.issue(RESET, 'ada', TTL);
      const names = token.slice(0, 42);
      const forged = Array.from({ length: 50 }, () => names + randomBytes(32).toString('base64url'));
      for (const one of forged) await expectInvalid(one);
      await expectInvalid(`${names.slice(0, 26)}${randomBytes(12).toString('base64url')}${token.slice(42)}`);
      expect(await tokens.consume(token, RESET)).toMatchObject({ subject: 'ada' });
    });

    it.each([
      ['nothing', undefined],
      ['null', null],
      ['a number', 7],
      ['an object', { token: 'x' }],
      ['an empty text', ''],
      ['a session token', `lk_${'a'.repeat(81)}`],
      ['one that is too short', `lko_${'a'.repeat(80)}`],
      ['one that is too long', `lko_${'a'.repeat(82)}`],
      ['one with another alphabet', `lko_${'+'.repeat(81)}`],
      ['one with a line after it', `lko_${'a'.repeat(81)}\n`],
      ['one that was never issued', `lko_${'a'.repeat(81)}`],
    ])('refuse %s in the same words', async (_, token) => {
      await expectInvalid(token);
    });

    it('expire', async () => {
      const short = await tokens.issue(RESET, 'ada', { ttl: '1s' });
      const long = await tokens.issue(RESET, 'ada', { ttl: '1m' });
      await harness.advance(1_050);
      await expectInvalid(short.token);
      expect(await isGood(long)).toBe(true);
    });

    it('replace older ones of their purpose and subject if they are told to', async () => {
      const old = await issueInTurn(3);
      const proof = await tokens.issue('email-proof', 'ada', TTL);
      const other = await tokens.issue(RESET, 'bob', TTL);
      const newest = await tokens.issue(RESET, 'ada', { ...TTL, replaceOlder: true });
      expect(await all(old)).toEqual([false, false, false]);
      expect(await isGood(proof, 'email-proof')).toBe(true);
      expect(await all([other, newest])).toEqual([true, true]);
    });

    it('leave one alive when many replace each other at once', async () => {
      const { nodes } = harness;
      const issued = await Promise.all(
        Array.from({ length: 50 }, (_, i) =>
          (nodes[i % nodes.length] as OneTimeTokens).issue(RESET, 'ada', { ...TTL, replaceOlder: true }),
        ),
      );
      expect((await all(issued)).filter(Boolean)).toHaveLength(1);
    });

    it('are five at most of one purpose, the newest', async () => {
      const proof = await tokens.issue('email-proof', 'ada', TTL);
      const issued = await issueInTurn(8);
      expect(await all(issued)).toEqual([false, false, false, true, true, true, true, true]);
      expect(await isGood(proof, 'email-proof')).toBe(true);
    });

    it('are fifty at most of one subject, the newest', async () => {
      const oldest = await tokens.issue(RESET, 'ada', TTL);
      const rest: [string, IssuedOneTimeToken][] = [];
      for (let i = 0; i < 50; i++)
        rest.push([`p${i}`, (await issueInTurn(1, {}, `p${i}`))[0] as IssuedOneTimeToken]);
      expect(await isGood(oldest)).toBe(false);
      expect(await Promise.all(rest.map(([purpose, one]) => isGood(one, purpose)))).toEqual(
        rest.map(() => true),
      );
    });

    it('that have expired take no room', async () => {
      await issueInTurn(4, { ttl: '1s' });
      const first = (await issueInTurn(1))[0] as IssuedOneTimeToken;
      await harness.advance(1_050);
      const rest = await issueInTurn(4);
      expect(await all([first, ...rest])).toEqual([true, true, true, true, true]);
    });

    it('are void when they are revoked, of that purpose and subject only', async () => {
      const mine = await issueInTurn(3);
      const proof = await tokens.issue('email-proof', 'ada', TTL);
      const other = await tokens.issue(RESET, 'bob', TTL);
      expect(await tokens.revoke(RESET, 'ada')).toBe(3);
      expect(await tokens.revoke(RESET, 'ada')).toBe(0);
      expect(await tokens.revoke(RESET, 'nobody')).toBe(0);
      expect(await all(mine)).toEqual([false, false, false]);
      expect(await isGood(proof, 'email-proof')).toBe(true);
      expect(await isGood(other)).toBe(true);
    });

    describe('of a user', () => {
      it('tell the epoch that they were used at', async () => {
        const { epoch } = await users.ensure('ada');
        const { token } = await tokens.issue(RESET, 'ada', TTL);
        expect(await tokens.consume(token, RESET)).toEqual({ subject: 'ada', data: undefined, epoch });
      });

      it('are void after a block, also when it was lifted', async () => {
        await users.ensure('ada');
        const [one, other] = await issueInTurn(2);
        await users.block('ada', { reason: 'spam' });
        expect(await isGood(one as IssuedOneTimeToken)).toBe(false);
        await users.unblock('ada');
        expect(await isGood(other as IssuedOneTimeToken)).toBe(false);
      });

      it('can be issued to a blocked one, and outlive the lifting', async () => {
        await users.ensure('ada');
        await users.block('ada', { reason: 'spam' });
        const [one, other] = await issueInTurn(2);
        expect(await isGood(one as IssuedOneTimeToken)).toBe(true);
        await users.unblock('ada');
        expect(await isGood(other as IssuedOneTimeToken)).toBe(true);
      });

      it('are void after "log out everywhere" and after a change of password', async () => {
        const { session } = await harness.sessions.create('ada');
        const before = await issueInTurn(1);
        await harness.sessions.revokeAll('ada', { except: session });
        const between = await issueInTurn(1);
        await harness.sessions.replaceToken(session, { revokeOthers: true });
        expect(await all([...before, ...between])).toEqual([false, false]);
      });

      it('outlive a change of roles and a logout', async () => {
        const { session } = await harness.sessions.create('ada');
        const issued = await issueInTurn(1);
        await users.setRoles('ada', ['moderator']);
        await harness.sessions.revoke('ada', session.id, 'logout');
        expect(await all(issued)).toEqual([true]);
      });

      it('are void when the record is one that came later, and when it is erased', async () => {
        const early = await issueInTurn(1);
        await users.ensure('ada');
        const late = await issueInTurn(1);
        expect(await all(early)).toEqual([false]);
        await users.erase('ada');
        expect(await all(late)).toEqual([false]);
        await users.ensure('ada');
        expect(await all(late)).toEqual([false]);
      });

      it('are not issued when the epoch has changed', async () => {
        const { epoch } = await users.ensure('ada');
        await tokens.issue(RESET, 'ada', { ...TTL, ifEpoch: epoch });
        await harness.sessions.revokeAll('ada');
        const late = { ...TTL, ifEpoch: epoch };
        await expect(tokens.issue(RESET, 'ada', late)).rejects.toMatchObject({ code: 'epoch_changed' });
        await expect(tokens.issue(RESET, 'nobody', late)).rejects.toMatchObject({ code: 'epoch_changed' });
      });

      it('end every session in the step in which they are used, if that is asked for', async () => {
        const { epoch } = await users.ensure('ada');
        const one = await harness.sessions.create('ada');
        const [first, second] = (await issueInTurn(2)) as [IssuedOneTimeToken, IssuedOneTimeToken];
        const used = await tokens.consume(first.token, RESET, { revokeAll: true });
        expect(used).toEqual({ subject: 'ada', data: undefined, epoch: epoch + 1 });
        const state = await users.get('ada');
        expect(state?.epoch).toBe(epoch + 1);
        expect(await harness.sessions.decide(one.token)).toMatchObject({ reason: 'session_revoked' });
        await expect(harness.sessions.create('ada', { ifEpoch: epoch })).rejects.toMatchObject({
          code: 'epoch_changed',
        });
        expect(await isGood(second)).toBe(false);
      });

      it('end no session when they are refused', async () => {
        const one = await harness.sessions.create('ada');
        const { token } = await tokens.issue(RESET, 'ada', TTL);
        for (const wrong of [
          [token, 'email-proof'],
          [`${token.slice(0, -1)}${token.endsWith('A') ? 'E' : 'A'}`, RESET],
        ]) {
          await expect(
            tokens.consume(wrong[0], wrong[1] as string, { revokeAll: true }),
          ).rejects.toMatchObject(refused);
        }
        expect(await harness.sessions.decide(one.token)).toMatchObject({ permit: true });
      });

      it('race a block fairly: whoever uses one after it is refused', async () => {
        const { nodes } = harness;
        for (let round = 0; round < 20; round++) {
          const id = `user-${round}`;
          await users.ensure(id);
          const { token } = await tokens.issue(RESET, id, TTL);
          let blocked = false;
          const block = users.block(id, { reason: 'race' }).then(() => (blocked = true));
          const late: boolean[] = [];
          for (let i = 0; i < 10; i++) {
            const begunAfter = blocked;
            const won = await (nodes[i % nodes.length] as OneTimeTokens)
              .consume(token, i < round / 2 ? 'another' : RESET)
              .then(() => true)
              .catch(() => false);
            if (begunAfter) late.push(won);
          }
          await block;
          expect(late).not.toContain(true);
        }
      });
    });

    it('are told to their subject without secret and data, until they are used', async () => {
      const { token, expiresAt } = await tokens.issue(RESET, 'ada', { ...TTL, data: { to: 'secret' } });
      await tokens.issue('email-proof', 'eve', TTL);
      const { oneTimeTokens } = await users.export('ada');
      expect(oneTimeTokens).toEqual([{ purpose: RESET, issuedAt: expect.any(Number) as number, expiresAt }]);
      expect(Math.abs(oneTimeTokens[0]!.issuedAt + 3_600_000 - expiresAt)).toBeLessThan(2);
      await tokens.consume(token, RESET);
      expect((await users.export('ada')).oneTimeTokens).toEqual([]);
    });

    describe('of somebody without a record', () => {
      it('work, and leave no record behind', async () => {
        const { token } = await tokens.issue('email-proof', 'new@example.org', { ...TTL, data: { a: 1 } });
        expect(await tokens.consume(token, 'email-proof', { revokeAll: true })).toEqual({
          subject: 'new@example.org',
          data: { a: 1 },
        });
        expect(await users.get('new@example.org')).toBeUndefined();
      });

      it('go when they are erased', async () => {
        const { token } = await tokens.issue('email-proof', 'new@example.org', TTL);
        await users.erase('new@example.org');
        await expectInvalid(token, 'email-proof');
      });
    });

    it.each([
      ['a purpose with a space', () => tokens.issue('a b', 'ada', TTL)],
      ['an empty purpose', () => tokens.issue('', 'ada', TTL)],
      ['a purpose that is too long', () => tokens.issue('a'.repeat(65), 'ada', TTL)],
      ['an empty subject', () => tokens.issue(RESET, '', TTL)],
      ['a subject that is too long', () => tokens.issue(RESET, 'a'.repeat(257), TTL)],
      ['no lifetime', () => tokens.issue(RESET, 'ada', { ttl: 0 })],
      ['a lifetime in words', () => tokens.issue(RESET, 'ada', { ttl: 'long' as never })],
      ['a lifetime over 31 days', () => tokens.issue(RESET, 'ada', { ttl: '32d' })],
      ['too much data', () => tokens.issue(RESET, 'ada', { ...TTL, data: 'ü'.repeat(1_024) })],
      ['data that is no JSON', () => tokens.issue(RESET, 'ada', { ...TTL, data: () => 1 })],
      ['data in a circle', () => tokens.issue(RESET, 'ada', { ...TTL, data: circle() })],
      ['a wrong purpose to consume', () => tokens.consume('x', 'a b')],
      ['a wrong purpose to revoke', () => tokens.revoke('a b', 'ada')],
      ['a wrong subject to revoke', () => tokens.revoke(RESET, '')],
    ])('refuse %s', async (_, call) => {
      await expect(call()).rejects.toMatchObject({ code: 'bad_request' });
    });

    it('take data up to 2 KiB', async () => {
      const data = 'x'.repeat(2_046);
      const { token } = await tokens.issue(RESET, 'ada', { ...TTL, data });
      expect(await tokens.consume(token, RESET)).toMatchObject({ data });
    });
  });
}

function circle(): object {
  const one: Record<string, unknown> = {};
  one['itself'] = one;
  return one;
}
