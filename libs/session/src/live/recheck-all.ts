import type { LiveConnection } from './live-connection.js';

const AT_ONCE = 64;

/**
 * Looks at connections again, a bounded number at a time. Those that are still being admitted look for themselves.
 * @returns how many that ended, and of how many nothing could be said
 */
export async function recheckAll(
  connections: readonly LiveConnection[],
): Promise<{ readonly ended: number; readonly unknown: number }> {
  const queue = connections.filter((connection) => connection.isAdmitted);
  let ended = 0;
  let unknown = 0;
  const work = async (): Promise<void> => {
    for (let next = queue.pop(); next; next = queue.pop()) {
      try {
        if (await next.recheck()) ended += 1;
      } catch {
        next.couldNotBeChecked();
        unknown += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, queue.length) }, work));
  return { ended, unknown };
}
