import { type Channel, channel } from 'node:diagnostics_channel';
import type { TelemetryMessages } from './messages.js';

/** A channel of `node:diagnostics_channel` that takes one kind of message. */
type Told<Message> = Omit<Channel, 'publish'> & { publish(message: Message): void };

/**
 * Every channel. Ask `hasSubscribers` before anything is measured or made for a message: as long as nobody listens, what
 * is told costs a check this one look.
 */
export const CHANNELS = {
  'latchkey.check': channel('latchkey.check'),
  'latchkey.act': channel('latchkey.act'),
  'latchkey.sessions': channel('latchkey.sessions'),
  'latchkey.redis_call': channel('latchkey.redis_call'),
  'latchkey.quota_refusal': channel('latchkey.quota_refusal'),
  'latchkey.failed_token': channel('latchkey.failed_token'),
  'latchkey.connections': channel('latchkey.connections'),
  'latchkey.storage': channel('latchkey.storage'),
} as const satisfies { readonly [Name in keyof TelemetryMessages]: Told<TelemetryMessages[Name]> };

/** The name of a channel, for `onTelemetry()`. @publicApi */
export type TelemetryChannel = keyof TelemetryMessages;

/** Those of the way of a request, each at one look. */
export const CHECKS: Told<TelemetryMessages['latchkey.check']> = CHANNELS['latchkey.check'];
export const REDIS_CALLS: Told<TelemetryMessages['latchkey.redis_call']> = CHANNELS['latchkey.redis_call'];

/**
 * Calls the listener with every message of a channel from now on, of every `SessionModule` of this process, at the moment
 * at which it happens: be quick. What it throws ends the process, as Node's channels have it.
 * @returns stops it
 * @throws TypeError for a name that no channel has
 * @example
 * ```ts
 * const stop = onTelemetry('latchkey.check', ({ decision, reason, durationMs }) => {
 *   if (decision === 'error') console.warn(`not decided after ${durationMs} ms: ${reason}`);
 * });
 * ```
 * @publicApi
 */
export function onTelemetry<Name extends TelemetryChannel>(
  name: Name,
  listener: (message: TelemetryMessages[Name]) => void,
): () => void {
  if (!Object.hasOwn(CHANNELS, name)) throw new TypeError(`There is no channel ${JSON.stringify(name)}`);
  // A function of its own for each call: a channel takes the same one away once for all.
  const tell = (message: unknown): void => listener(message as TelemetryMessages[Name]);
  CHANNELS[name].subscribe(tell);
  return () => {
    CHANNELS[name].unsubscribe(tell);
  };
}
