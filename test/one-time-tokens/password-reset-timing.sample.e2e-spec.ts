import { Agent, request } from 'node:http';
import { describeSample, newName } from '../sample/support/sample.js';

const PAIRS = 400;
const WARM_UP = 100;
const LOOKS = 8;

/**
 * How often the first of two kinds of durations is the longer one, ties by half: 0.5 when nothing tells them apart. Its
 * standard error for 400 of each is 0.02.
 */
function advantage(some: readonly number[], others: readonly number[]): number {
  let wins = 0;
  for (const one of some) for (const other of others) wins += one > other ? 1 : one === other ? 0.5 : 0;
  return wins / (some.length * others.length);
}

describeSample('how long a request for a password reset takes', (sample) => {
  it('does not tell whether there is such an account', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const { username: known } = await sample().newcomer();
    const unknown = newName().padEnd(known.length, '0').slice(0, known.length);
    const durationOf = (username: string): Promise<number> =>
      new Promise((resolve, reject) => {
        const startedAt = performance.now();
        const headers = { 'content-type': 'application/json' };
        const asked = request(
          `${sample().url}/auth/password-reset`,
          { method: 'POST', agent, headers },
          (reply) => {
            if (reply.statusCode !== 202) reject(new Error(`The reply is ${reply.statusCode}`));
            reply.resume().on('end', () => resolve(performance.now() - startedAt));
          },
        );
        asked.on('error', reject).end(JSON.stringify({ username }));
      });
    const measure = async (): Promise<number> => {
      const durations = { known: [] as number[], unknown: [] as number[] };
      for (let i = 0; i < PAIRS + WARM_UP; i++) {
        // In turns, and each first as often as the other: whatever slows the machine down slows both.
        const knownFirst = i % 2 === 0;
        const first = await durationOf(knownFirst ? known : unknown);
        const second = await durationOf(knownFirst ? unknown : known);
        if (i < WARM_UP) continue;
        durations.known.push(knownFirst ? first : second);
        durations.unknown.push(knownFirst ? second : first);
      }
      const measured = advantage(durations.known, durations.unknown);
      if (process.env['SHOW_TIMES']) {
        const median = (times: number[]): number => times.sort((a, b) => a - b)[PAIRS / 2] ?? 0;
        console.log({ measured, known: median(durations.known), unknown: median(durations.unknown) });
      }
      return Math.abs(measured - 0.5);
    };
    // What tells them apart does so each time; what else the machine does comes and goes.
    let measured = Infinity;
    for (let look = 0; look < LOOKS && measured >= 0.1; look++) {
      if (look > 0) await new Promise((resolve) => setTimeout(resolve, 1_000));
      measured = await measure();
    }
    agent.destroy();
    expect(measured).toBeLessThan(0.1);
  }, 180_000);
});
