import { parseSessionEvent, type SessionEvent } from '../model/session-event.js';
import { unpackIp } from '../redis/device-record.js';
import { RedisSubscriber, type SubscriberHandlers } from '../redis/subscriber.js';
import type { ChannelListener, EventChannel } from './event-channel.js';

/** How long a listener waits for the subscription, in milliseconds; then it is made in the background. */
const PATIENCE_MS = 500;

/** Events by Redis's pub/sub. The connection is opened for the first listener and stays until the end. */
export class RedisEventChannel implements EventChannel {
  private readonly listeners = new Set<ChannelListener>();
  private readonly subscriber: RedisSubscriber;
  private heard!: () => void;
  private readonly firstHearing = new Promise<void>((resolve) => (this.heard = resolve));

  constructor(open: (handlers: SubscriberHandlers) => RedisSubscriber) {
    this.subscriber = open({
      onMessage: (text) => {
        const event = withIps(parseSessionEvent(text));
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

  private each(tell: (listener: ChannelListener) => void): void {
    for (const listener of this.listeners) tell(listener);
  }
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
