import { setTimeout as sleep } from 'node:timers/promises';
import { LeaseTerm } from './lease-term.js';

/** @param answers one after the other; the last one for ever. An error: Redis says nothing */
function termOf(...answers: (number | Error)[]) {
  let asked = 0;
  const announce = async (): Promise<number> => {
    const answer = answers[Math.min(asked++, answers.length - 1)]!;
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return { term: new LeaseTerm({ announce }, undefined), asked: () => asked };
}

const away = new Error('away');

describe('the longest lease', () => {
  it('is asked for once a second, however many want to know', async () => {
    const { term, asked } = termOf(2_000);
    expect(await Promise.all([term.current(), term.certain(), term.current()])).toEqual([
      2_000, 2_000, 2_000,
    ]);
    expect(await term.certain()).toBe(2_000);
    expect(asked()).toBe(1);
  });

  it('is not taken for none while Redis says nothing', async () => {
    const { term } = termOf(away, away, away, 500);
    expect(await term.current()).toBe(0);
    expect(await term.certain()).toBe(500);
  });

  it('is waited for no longer than there can be leases, and not after the end', async () => {
    const { term } = termOf(away);
    const certain = term.certain();
    expect(await Promise.race([certain, sleep(300, 'waits')])).toBe('waits');
    term.stop();
    expect(await certain).toBe(0);
  });

  it('is what is known where Redis says nothing now', async () => {
    const { term } = termOf(700, away);
    expect(await term.certain()).toBe(700);
    await sleep(1_050);
    expect(await term.certain()).toBe(700);
  });
});
