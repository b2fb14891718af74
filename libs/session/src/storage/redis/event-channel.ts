import { parseSessionEvent, type SessionEvent } from '../../model/session-event.js';
import { unpackIp } from '../../redis/records/device-record.js';
import { isSessionId, isUserRefOf } from '../../token/session-token.js';
import { RedisSubscriber, type SubscriberHandlers } from '../../redis/servers/subscriber.js';
import type { ChannelListener, EventChannel } from '../contract/event-channel.js';

/** Longer than any event: a user id, two addresses and two user agents, escaped. */
const MOST_CHARACTERS = 8_192;
/** As lua/recall-leases.lua writes it. */
const RECALL_LINE = /^recall ([\w:.-]{1,80}) ([\da-f]{10}(?:,[\da-f]{10})*)$/;
/** How long a listener waits for the subscription, in milliseconds; then it is made in the background. */
const PATIENCE_MS = 500;

/** Events by Redis's pub/sub. The connection is opened for the first listener and stays until the end. */
export class RedisEventChannel implements EventChannel {
  private readonly listeners = new Set<ChannelListener>();
  private readonly subscriber: RedisSubscriber;
  private heard!: () => void;
  private readonly firstHearing = new Promise<void>((resolve) => (this.heard = resolve));

  /** @param complain takes one line for people */
  constructor(
    open: (handlers: SubscriberHandlers) => RedisSubscriber,
    private readonly complain: (line: string) => void,
  ) {
    this.subscriber = open({
      onMessage: (text) => {
        const recall = text.length <= MOST_CHARACTERS && RECALL_LINE.exec(text);
        if (recall) return this.recall(recall[1] as string, recall[2] as string);
        const event = this.read(text);
        if (event) this.each((listener) => listener.onEvent(event));
      },
      onLost: () => this.each((listener) => listener.onLost?.()),
      onHearing: () => {
        this.each((listener) => listener.onBack?.());
        this.heard();
      },
    });
  }

  get isHearing(): boolean {
    return this.subscriber.isHearing;
  }

  async listen(listener: ChannelListener): Promise<void> {
    this.listeners.add(listener);
    this.subscriber.start();
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, PATIENCE_MS)));
    await Promise.race([this.firstHearing, patience]);
    clearTimeout(timer);
  }

  unlisten(listener: ChannelListener): void {
    this.listeners.delete(listener);
  }

  close(): Promise<void> {
    return this.subscriber.close();
  }

  private recall(subject: string, names: string): void {
    const holders = names.split(',').map((name) => Buffer.from(name, 'hex').toString('latin1'));
    this.each((listener) => listener.onRecall?.(subject, holders));
  }

  /** Anybody who may publish in this Redis may have written the line. One that is no event of ours is dropped. */
  private read(text: string): SessionEvent | undefined {
    try {
      if (text.length > MOST_CHARACTERS) throw new RangeError('the line is too long');
      const event = withIps(parseSessionEvent(text));
      if (event && !isConsistent(event)) throw new RangeError('its parts contradict each other');
      return event;
    } catch (error) {
      this.complain(`An event that no node wrote was dropped: ${String(error)}`);
      return undefined;
    }
  }

  /** What one listener throws keeps the event from no other. */
  private each(tell: (listener: ChannelListener) => void): void {
    for (const listener of this.listeners) {
      try {
        tell(listener);
      } catch (error) {
        this.complain(`A listener failed at an event: ${String(error)}`);
      }
    }
  }
}

function isConsistent(event: SessionEvent): boolean {
  if (!Number.isSafeInteger(event.version)) return false;
  if (event.name === 'ip_list.changed') return true;
  const { userRef, userId, epoch, sessionId } = event;
  if (!Number.isSafeInteger(epoch) || !isUserRefOf(userRef, userId)) return false;
  return sessionId === undefined || isSessionId(sessionId);
}

/** Scripts tell of devices as they are kept. */
function withIps(event: SessionEvent | undefined): SessionEvent | undefined {
  if (!event || !('devices' in event) || !event.devices) return event;
  const { session, presented } = event.devices;
  const devices = {
    session: { ...session, ip: unpackIp(session.ip) },
    presented: { ...presented, ip: unpackIp(presented.ip) },
  };
  return { ...event, devices };
}
