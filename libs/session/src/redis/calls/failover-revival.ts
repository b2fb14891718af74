import type { Redis } from 'ioredis';
import type { RedisClient } from './boot-check.js';

const STATES = ['connecting', 'connect', 'ready', 'close', 'reconnecting'] as const;
const PAUSE_MS = 50;

/**
 * Connects a client anew that ioredis has ended by mistake: its failover detector, told of the new primary while the client
 * asks the Sentinels for it, breaks that off for good. A client that its owner ends stays so.
 * @returns stops it
 */
export function reviveAfterFailover(client: RedisClient): () => void {
  if ('nodes' in client || !client.options.failoverDetector || !client.options.sentinels)
    return () => undefined;
  let last: string = client.status;
  const notes = STATES.map((state) => [state, () => (last = state)] as const);
  const onEnd = (): void => {
    if (last === 'connecting' && !isEndedByOwner(client))
      setTimeout(() => connectAnew(client), PAUSE_MS).unref();
  };
  for (const [state, note] of notes) client.on(state, note);
  client.on('end', onEnd);
  return () => {
    for (const [state, note] of notes) client.off(state, note);
    client.off('end', onEnd);
  };
}

function connectAnew(client: Redis): void {
  if (client.status === 'end') client.connect().catch(() => undefined);
}

function isEndedByOwner(client: Redis): boolean {
  return Reflect.get(client, 'manuallyClosing') === true;
}
