import * as fc from 'fast-check';
import { Gcra, emissionIntervalUs } from './gcra.js';

describe('GCRA', () => {
  it('never lets more pass than burst + rate * t, for whatever arrivals, costs and refunds of what was consumed', () => {
    const policies = fc.record({
      name: fc.constant('q'),
      quota: fc.integer({ min: 1, max: 50 }),
      windowMs: fc.integer({ min: 1, max: 5_000 }),
      burst: fc.integer({ min: 1, max: 50 }),
    });
    const arrivals = fc.array(
      fc.record({ afterUs: fc.integer({ min: 0, max: 500_000 }), cost: fc.integer({ min: 1, max: 3 }) }),
      {
        maxLength: 200,
      },
    );
    fc.assert(
      fc.property(policies, arrivals, (policy, requests) => {
        let nowUs = 1_790_000_000_000_000;
        let tatUs = 0;
        const passed: { atUs: number; cost: number }[] = [];
        for (const { afterUs, cost } of requests) {
          nowUs += afterUs;
          const gcra = new Gcra(policy, tatUs, nowUs);
          if (gcra.waitUs(cost) > 0) continue;
          gcra.consume(cost);
          tatUs = gcra.tatUs;
          passed.push({ atUs: nowUs, cost });
        }
        const ratePerUs = 1 / emissionIntervalUs(policy);
        for (let from = 0; from < passed.length; from++) {
          let total = 0;
          for (const { atUs, cost } of passed.slice(from)) {
            total += cost;
            const spanUs = atUs - (passed[from]?.atUs ?? 0);
            expect(total).toBeLessThanOrEqual(policy.burst + spanUs * ratePerUs + 1e-9);
          }
        }
      }),
    );
  });

  it('lets exactly the burst pass at one instant', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 100 }), (quota, burst) => {
        const policy = { name: 'q', quota, windowMs: 60_000, burst };
        let tatUs = 0;
        let passed = 0;
        for (let i = 0; i < burst + 5; i++) {
          const gcra = new Gcra(policy, tatUs, 1e15);
          if (gcra.waitUs(1) > 0) continue;
          gcra.consume(1);
          tatUs = gcra.tatUs;
          passed++;
        }
        expect(passed).toBe(burst);
      }),
    );
  });

  it('refuses for no longer than the burst takes, after a clock that stepped back', () => {
    const policy = { name: 'q', quota: 10, windowMs: 10_000, burst: 10 };
    const nowUs = 1_790_000_000_000_000;
    const before = new Gcra(policy, 0, nowUs);
    before.consume(10);
    const after = new Gcra(policy, before.tatUs, nowUs - 3_600_000_000);
    expect(after.result(false)).toMatchObject({ remaining: 0, retryAfterMs: 1_000, resetMs: 10_000 });
  });
});
