import { instant } from '../../../libs/session/src/storage/near/instant.js';
import { LeaseClient } from '../../../libs/session/src/storage/near/lease-client.js';
import { type Fill, NearCache } from '../../../libs/session/src/storage/near/near-cache.js';
import { LeaseServers, Recall, type RecallAnswer } from '../../../libs/session/src/storage/near/recall.js';
import { NearChecks } from '../../../libs/session/src/storage/near/checks.js';
import { type Method, replace } from './replace.js';

type Undo = () => void;

/** What has been done wrong by caches of this kind; each is undone by what it returns. */
export const MISTAKES = {
  'the deadline is counted from when the answer came': () =>
    replace(
      NearCache.prototype,
      'end',
      (end) =>
        function (this: NearCache, fill: Fill, ...rest: unknown[]) {
          Object.assign(fill, { sentAt: instant() });
          return Reflect.apply(end, this, [fill, ...rest]);
        },
    ),
  'what is on its way when somebody acts is believed': () =>
    replace(
      NearCache.prototype,
      'invalidate',
      (invalidate) =>
        function (this: NearCache, userRef: string) {
          const through = Reflect.apply(invalidate, this, [userRef]) as number;
          for (const fill of fillsOf(this, userRef)) fill.isOutdated = false;
          return through;
        },
    ),
  'leases are given back without a number': () =>
    replace(
      NearCache.prototype,
      'invalidate',
      (invalidate) =>
        function (this: NearCache, userRef: string) {
          Reflect.apply(invalidate, this, [userRef]);
          return 1_000_000;
        },
    ),
  'an act recalls and does not wait': () =>
    replace(
      LeaseClient.prototype,
      'recallAll',
      () =>
        async function (this: LeaseClient, userRef: string) {
          const { cache, calls } = this as unknown as {
            cache: NearCache;
            calls: { recall(userRef: string): Promise<unknown> };
          };
          cache.invalidate(userRef);
          await calls.recall(userRef);
        },
    ),
  'a record that was lost takes its leases along': () => withAnswer((answer) => ({ ...answer, madeAt: 1 })),
  'all servers are one': () => withAnswer((answer) => ({ ...answer, server: { id: 'one' } })),
  'a clock that is set goes unseen': () =>
    replace(
      LeaseServers.prototype,
      'doubtedUntil',
      (doubtedUntil) =>
        function (this: LeaseServers, answer: RecallAnswer, asked: { askedAt: number; answeredAt: number }) {
          const { known } = this as unknown as { known: Map<string, { offset: object }> };
          const one = known.get(answer.server.id);
          const offset = { least: answer.now - asked.answeredAt, most: answer.now - asked.askedAt };
          if (one) Object.assign(one, { offset });
          return Reflect.apply(doubtedUntil, this, [answer, asked]);
        },
    ),
  'a server is believed at first sight': () =>
    replace(
      LeaseServers.prototype,
      'doubtedUntil',
      (doubtedUntil) =>
        function (this: LeaseServers, answer: RecallAnswer, asked: object) {
          const { known } = this as unknown as { known: Map<string, object> };
          const isNew = !known.has(answer.server.id);
          const until = Reflect.apply(doubtedUntil, this, [answer, asked]) as number;
          if (isNew) Object.assign(known.get(answer.server.id) as object, { doubtedSince: -Infinity });
          return isNew ? -Infinity : until;
        },
    ),
  'time is what the monotonic clock says': () => replace(NearCache.prototype, 'isGood', onlyBy('monotonic')),
  'time is what the wall clock says': () => replace(NearCache.prototype, 'isGood', onlyBy('wall')),
  'who waits for a check on its way takes its answer': () =>
    replace(
      NearChecks.prototype,
      'fill',
      (fill) =>
        async function (this: NearChecks, proof: { sessionId: string }, demand: object) {
          const { filling } = this as unknown as { filling: Map<string, { done: Promise<unknown> }> };
          const other = filling.get(proof.sessionId);
          return (await other?.done) ?? Reflect.apply(fill, this, [proof, demand]);
        },
    ),
} as const satisfies Record<string, () => Undo>;

function withAnswer(change: (answer: RecallAnswer) => RecallAnswer): Undo {
  return replace(
    Recall.prototype,
    'observe',
    (observe) =>
      function (this: Recall, answer: RecallAnswer | undefined, ...rest: unknown[]) {
        return Reflect.apply(observe, this, [answer && change(answer), ...rest]);
      },
  );
}

function onlyBy(clock: 'monotonic' | 'wall') {
  return (isGood: Method): Method =>
    function (this: NearCache, { sentAt }: { sentAt: Record<string, number> }, now: Record<string, number>) {
      const at = now[clock] as number;
      const sent = sentAt[clock] as number;
      return Reflect.apply(isGood, this, [
        { sentAt: { monotonic: sent, wall: sent } },
        { monotonic: at, wall: at },
      ]);
    } as Method;
}

function fillsOf(cache: NearCache, userRef: string): Iterable<{ isOutdated: boolean }> {
  return (
    (cache as unknown as { fillsOf: Map<string, Set<{ isOutdated: boolean }>> }).fillsOf.get(userRef) ?? []
  );
}
