import { demand } from '../../testing/contract/support.js';
import * as fc from 'fast-check';
import { FakeClock } from '../../testing/fake-clock.js';
import { ContractTest, RELAXED_SETTINGS, lifetimeOf, newSession } from '../../testing/contract/support.js';
import { MemorySessionRepository } from './session-repository.js';
import type { TokenProof } from '../contract/session-repository.js';

const CAP = 3;
const SPAM = { reason: 'spam' };

type Step = (test: ContractTest, tokens: TokenProof[]) => Promise<unknown>;

/** A step about one of the tokens that there are by then, if there is one. */
const aboutToken = (
  step: (test: ContractTest, proof: TokenProof, tokens: TokenProof[]) => Promise<unknown>,
) =>
  fc.nat().map((n): Step => async (test, tokens) => {
    const proof = tokens[n % Math.max(1, tokens.length)];
    if (proof) await step(test, proof, tokens);
  });

const steps: fc.Arbitrary<Step>[] = [
  fc.boolean().map((short): Step => async (test, tokens) => {
    const lifetime = short ? lifetimeOf(2_000, 5_000) : lifetimeOf(0, 20_000);
    const { session, proof } = newSession({ lifetime });
    const created = await test.repository.create(session);
    if (created.outcome === 'created') tokens.push(proof);
  }),
  aboutToken((test, proof) => test.repository.authenticate(proof, demand([]))),
  aboutToken((test, proof) => test.repository.revoke('ada', proof.sessionId, 'logout')),
  aboutToken((test, proof) => test.repository.revokeAll('ada', proof)),
  aboutToken(async (test, proof, tokens) => {
    const options = { reauthenticated: proof.tokenHash[0]! < 128, revokeOthers: proof.tokenHash[1]! < 128 };
    const replaced = await test.replace(proof, options);
    if (replaced.outcome.outcome === 'replaced') tokens.push(replaced.proof);
  }),
  fc.constant((test) => test.repository.revokeAll('ada')),
  fc.option(fc.constant(SPAM)).map(
    (block): Step =>
      (test) =>
        test.change({ block }),
  ),
  fc.nat({ max: 3 }).map(
    (sourceVersion): Step =>
      (test) =>
        test.repository.users.change({
          userId: 'ada',
          ifVersion: 'any',
          roles: ['user'],
          block: null,
          sourceVersion,
        }),
  ),
  fc.option(fc.constant(SPAM), { nil: undefined }).map(
    (block): Step =>
      (test) =>
        test.load({ block }),
  ),
  fc.nat({ max: 4_000 }).map(
    (ms): Step =>
      (test) =>
        test.advance(ms),
  ),
];

describe('whatever happens, in whatever order', () => {
  it('no token that was dead is ever accepted again, the cap holds, and versions and epochs only grow', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(...steps), { maxLength: 40 }), async (story) => {
        const clock = new FakeClock();
        const repository = new MemorySessionRepository(
          {
            ...RELAXED_SETTINGS,
            touchIntervalMs: 500,
            maxSessionsPerUser: CAP,
            rememberEndedMs: 6_000,
            maxEndedSessions: 2,
          },
          clock,
        );
        const test = new ContractTest({
          repository,
          advance: async (ms) => clock.advance(ms),
          close: () => repository.close(),
        });
        const tokens: TokenProof[] = [];
        const dead = new Set<TokenProof>();
        let last = await test.makeUser();
        for (const step of story) {
          await step(test, tokens);
          const user = await test.user();
          expect(user.version).toBeGreaterThanOrEqual(last.version);
          expect(user.epoch).toBeGreaterThanOrEqual(last.epoch);
          last = user;

          // Nobody's roles matter to these requests, so that asking does not count as activity.
          const lookup = await Promise.all(
            tokens.map((proof) => repository.authenticate(proof, demand([['nobody']]))),
          );
          let live = 0;
          for (const [i, fact] of lookup.entries()) {
            const isLive = fact.kind === 'known' && fact.status === 'live';
            if (isLive) expect(dead.has(tokens[i]!)).toBe(false);
            if (isLive) expect(user.status).toBe('active');
            if (isLive) live += 1;
            else dead.add(tokens[i]!);
          }
          expect(live).toBeLessThanOrEqual(CAP);
          expect(await repository.list('ada')).toHaveLength(live);
        }
      }),
      { numRuns: 300 },
    );
  });
});
