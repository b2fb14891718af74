// Over 250 lines: a table of small histories, one line each but for the formatter.
import * as fc from 'fast-check';
import { type Act, type FaultWindow, type History, judge, type Request } from './history.js';

const login: Act = { kind: 'login', sentAt: 0, settledAt: 10, sets: { ada: true } };
const block: Act = { kind: 'block', sentAt: 100, settledAt: 110, sets: { ada: false } };
const request = (sentAt: number, status: number, more: Partial<Request> = {}): Request => ({
  door: 'http',
  sentAt,
  answeredAt: sentAt + 5,
  status,
  needs: ['ada'],
  ...more,
});
const outage = (more: Partial<FaultWindow> = {}): FaultWindow => ({
  name: 'outage',
  from: 1_000,
  to: 2_000,
  ...more,
});

function judged(history: Partial<History>) {
  const { requests = [], acts = [login, block], faults = [], canaries = [] } = history;
  const verdict = judge({ requests, acts, faults, canaries });
  const { lateAllows, wrongDenials, wrongRefusals, slowRefusals } = verdict;
  return [lateAllows, wrongDenials, wrongRefusals, slowRefusals].map((found) => found.length);
}

const FINE = [0, 0, 0, 0];
const LATE = [1, 0, 0, 0];
const WRONG_DENIAL = [0, 1, 0, 0];
const WRONG_REFUSAL = [0, 0, 1, 0];
const SLOW = [0, 0, 0, 1];

const unknown: Act = { ...block, settledAt: Infinity };
const unblock: Act = { kind: 'unblock', sentAt: 200, settledAt: 210, sets: { ada: true } };
const heldUp = (sentAt: number, node = 'a') => [{ node, sentAt, answeredAt: sentAt + 200 }];
const undone = outage({ undoes: { from: 90, which: 'undurable' } });

const slow = request(1_500, 503, { answeredAt: 1_751, node: 'a' });

describe('a history is judged', () => {
  it.each<[string, number[], Partial<History>]>([
    ['served before the act', FINE, { requests: [request(50, 200)] }],
    ['served, sent while the act was under way', FINE, { requests: [request(105, 200)] }],
    [
      'served, sent before the act and answered after it',
      FINE,
      { requests: [request(99, 200, { answeredAt: 900 })] },
    ],
    ['served, sent after the act was acknowledged', LATE, { requests: [request(111, 200)] }],
    [
      'served after what was always so',
      FINE,
      { requests: [request(50, 200)], acts: [{ ...login, sentAt: -Infinity, settledAt: -Infinity }] },
    ],
    ['served without a login', LATE, { requests: [request(50, 200)], acts: [] }],
    ['denied after the act', FINE, { requests: [request(111, 403)] }],
    ['denied while the act was under way', FINE, { requests: [request(101, 401)] }],
    ['denied before the act', WRONG_DENIAL, { requests: [request(50, 401)] }],
    ['denied, answered as the act was sent', FINE, { requests: [request(98, 401)] }],
    [
      'after an act of unknown outcome: served',
      FINE,
      { requests: [request(500, 200)], acts: [login, unknown] },
    ],
    [
      'after an act of unknown outcome: denied',
      FINE,
      { requests: [request(500, 403)], acts: [login, unknown] },
    ],
    [
      'denied before an act of unknown outcome',
      WRONG_DENIAL,
      { requests: [request(50, 403)], acts: [login, unknown] },
    ],
    ['served after an unblock', FINE, { requests: [request(211, 200)], acts: [login, block, unblock] }],
    [
      'denied after an unblock',
      WRONG_DENIAL,
      { requests: [request(211, 403)], acts: [login, block, unblock] },
    ],
    [
      'an unknown act may come after an acknowledged one',
      FINE,
      { requests: [request(211, 403)], acts: [login, unknown, unblock] },
    ],
    [
      'of two acts at once, either may be the last',
      FINE,
      { requests: [request(300, 200), request(300, 403)], acts: [login, block, { ...unblock, sentAt: 105 }] },
    ],
    ['503 in a fault', FINE, { requests: [request(1_500, 503)], faults: [outage()] }],
    ['503 under way as a fault began', FINE, { requests: [request(997, 503)], faults: [outage()] }],
    ['503 outside faults', WRONG_REFUSAL, { requests: [request(2_001, 503)], faults: [outage()] }],
    [
      '503 in a fault that refuses nobody',
      WRONG_REFUSAL,
      { requests: [request(1_500, 503)], faults: [outage({ refuses: false })] },
    ],
    [
      '503 in a fault that refuses logins',
      WRONG_REFUSAL,
      { requests: [request(1_500, 503)], faults: [outage({ doors: ['login'] })] },
    ],
    [
      '503 by another code',
      WRONG_REFUSAL,
      { requests: [request(1_500, 503)], faults: [outage({ code: 'not_durable' })] },
    ],
    [
      '503 by the code',
      FINE,
      { requests: [request(1_500, 503, { code: 'not_durable' })], faults: [outage({ code: 'not_durable' })] },
    ],
    ['500 in a fault', WRONG_REFUSAL, { requests: [request(1_500, 500)], faults: [outage()] }],
    [
      '503 after 251 ms',
      SLOW,
      { requests: [request(1_500, 503, { answeredAt: 1_751 })], faults: [outage()] },
    ],
    [
      '503 after 249 ms',
      FINE,
      { requests: [request(1_500, 503, { answeredAt: 1_749 })], faults: [outage()] },
    ],
    [
      '503 after 251 ms at a node that was held up',
      FINE,
      { requests: [slow], faults: [outage()], canaries: heldUp(1_400) },
    ],
    [
      '503 after 251 ms while another node was held up',
      SLOW,
      { requests: [slow], faults: [outage()], canaries: heldUp(1_400, 'b') },
    ],
    [
      '503 after 251 ms while the observer was held up',
      FINE,
      { requests: [slow], faults: [outage()], canaries: [{ sentAt: 1_600, answeredAt: 1_800 }] },
    ],
    [
      '503 after 251 ms at a node that was held up before',
      SLOW,
      { requests: [slow], faults: [outage()], canaries: heldUp(1_200) },
    ],
    [
      '503 outside faults on a machine that was held up',
      FINE,
      { requests: [request(2_001, 503)], canaries: heldUp(1_700) },
    ],
    [
      '503 outside faults on a machine that was held up long before',
      WRONG_REFUSAL,
      { requests: [request(2_001, 503)], canaries: heldUp(700) },
    ],
    [
      '404 by the code',
      FINE,
      {
        requests: [request(1_500, 404, { code: 'user_unknown' })],
        faults: [outage({ code: 'user_unknown' })],
      },
    ],
    [
      'unheard while events get lost: served',
      FINE,
      {
        requests: [request(500, 200)],
        acts: [login, { ...block, isUnheard: true }],
        faults: [outage({ from: 50, losesEvents: true })],
      },
    ],
    [
      'unheard while events get lost: served later',
      LATE,
      {
        requests: [request(2_111, 200)],
        acts: [login, { ...block, isUnheard: true }],
        faults: [outage({ from: 50, losesEvents: true })],
      },
    ],
    [
      'unheard while no events get lost: served',
      LATE,
      {
        requests: [request(500, 200)],
        acts: [login, { ...block, isUnheard: true }],
        faults: [outage({ from: 50 })],
      },
    ],
    [
      'heard while events get lost: served',
      LATE,
      { requests: [request(500, 200)], faults: [outage({ from: 50, losesEvents: true })] },
    ],
    ['an act that a fault may undo: served', FINE, { requests: [request(2_500, 200)], faults: [undone] }],
    ['an act that a fault may undo: denied', FINE, { requests: [request(2_500, 403)], faults: [undone] }],
    [
      'a durable act: served',
      LATE,
      { requests: [request(2_500, 200)], acts: [login, { ...block, isDurable: true }], faults: [undone] },
    ],
    [
      'an act of long before the fault: served',
      LATE,
      { requests: [request(2_500, 200)], faults: [outage({ undoes: { from: 900, which: 'all' } })] },
    ],
    [
      'an act after one that was undone: served',
      LATE,
      {
        requests: [request(3_500, 200)],
        acts: [login, block, { ...block, sentAt: 3_000, settledAt: 3_010 }],
        faults: [undone],
      },
    ],
  ])('%s', (_, expected, history) => {
    expect(judged(history)).toEqual(expected);
  });
});

/** A register that really was: each act and each request has an instant at which it took place. */
const span = fc
  .tuple(fc.integer({ min: 0, max: 1_000 }), fc.nat(60), fc.nat(60))
  .map(([from, before, after]) => ({ sentAt: from, at: from + before, settledAt: from + before + after }));
const realHistory = fc.record({
  acts: fc.array(fc.tuple(span, fc.boolean(), fc.constantFrom('known', 'unknown', 'never')), {
    maxLength: 12,
  }),
  requests: fc.array(span, { maxLength: 30 }),
});

function stateAt(acts: readonly { at: number; isOpen: boolean }[], at: number): boolean {
  const last = acts
    .filter((act) => act.at <= at)
    .toSorted((a, b) => a.at - b.at)
    .at(-1);
  return last?.isOpen ?? false;
}

describe('a history that took place', () => {
  const played = realHistory.map(({ acts, requests }) => {
    // No two at one instant: which of them was the last nobody could say.
    const distinct = acts.filter(([{ at }], i) => acts.findIndex(([other]) => other.at === at) === i);
    const happened = distinct
      .filter(([, , outcome]) => outcome !== 'never')
      .map(([{ at }, isOpen]) => ({ at, isOpen }));
    return {
      happened,
      acts: distinct.map(([{ sentAt, settledAt }, isOpen, outcome]): Act => ({
        kind: 'any',
        sentAt,
        settledAt: outcome === 'known' ? settledAt : Infinity,
        sets: { ada: isOpen },
      })),
      requests: requests.map(({ sentAt, at, settledAt }): Request => ({
        door: 'http',
        sentAt,
        answeredAt: settledAt,
        status: stateAt(happened, at) ? 200 : 403,
        needs: ['ada'],
      })),
    };
  });

  it('is never found wrong', () => {
    fc.assert(
      fc.property(played, ({ acts, requests }) => expect(judged({ acts, requests })).toEqual(FINE)),
      {
        numRuns: 2_000,
      },
    );
  });

  it('is found wrong when a request is served as of before an act that was over', () => {
    let found = 0;
    fc.assert(
      fc.property(played, fc.integer({ min: 1_200, max: 2_000 }), ({ acts, happened }, at) => {
        fc.pre(acts.length > 0 && acts.every(({ settledAt }) => settledAt < Infinity));
        const isOpen = stateAt(happened, 1_200);
        const last = acts.filter(({ settledAt }) => settledAt >= Math.max(...acts.map((act) => act.sentAt)));
        fc.pre(last.every(({ sets }) => sets['ada'] === isOpen));
        found += 1;
        const wrong = request(at, isOpen ? 403 : 200);
        expect(judged({ acts, requests: [wrong] })).toEqual(isOpen ? WRONG_DENIAL : LATE);
      }),
    );
    expect(found).toBeGreaterThan(20);
  });
});
