import {
  type EncodedPacket,
  type IoClient,
  type IoPacket,
  type IoSocket,
  type IoWriteOptions,
  PACKET,
} from './io.js';

const EVENT = 2;
const CONNECT_ERROR = 4;
/** Packets that hold nothing of anybody: CONNECT, DISCONNECT, CONNECT_ERROR. */
const CONTROL: readonly number[] = [0, 1, CONNECT_ERROR];

/** What stands between a socket and its client. */
interface Gate {
  /** Sends now, later or never. */
  readonly pass: (delivery: { readonly deliver: () => void; readonly bytes: number }) => void;
  /** The socket is refused after all, by a middleware of the app's own. */
  readonly onRefused: () => void;
}

/** By socket: its client, without a gate. */
const clients = new WeakMap<object, IoClient>();

/**
 * What is sent to a socket goes through this: by itself, by a broadcast to its rooms, by another node. An adapter hands
 * each socket's packets to `socket.client`, which stands for this one socket from here on. One packet passes as a whole,
 * binary attachments and all; it is encoded at once, as without a gate, so that what becomes of its data later does not
 * count.
 */
export function placeGate(socket: IoSocket, { pass, onRefused }: Gate): void {
  const { client } = socket;
  clients.set(socket, client);
  const write = (packets: EncodedPacket | string, options: IoWriteOptions = {}): void =>
    pass({ deliver: () => client.writeToEngine(packets, options), bytes: bytesOf(packets) });
  const gated = Object.create(client) as IoClient;
  gated.writeToEngine = write;
  gated[PACKET] = (packet, options = {}) => {
    if (isEncoded(packet)) return write(packet, options);
    if (!CONTROL.includes(packet.type)) return write(client.encoder.encode(packet), options);
    client[PACKET](packet, options);
    if (packet.type === CONNECT_ERROR) onRefused();
  };
  Object.defineProperty(socket, 'client', { value: gated, configurable: true, enumerable: true });
}

/** Sends at once what holds nothing of anybody: why a message was refused, or a session ended. */
export function emitAtOnce(
  socket: { emit?(event: string, data: unknown): unknown },
  event: string,
  data: unknown,
): void {
  const client = clients.get(socket);
  const { nsp } = socket as Partial<IoSocket>;
  if (client && nsp) client[PACKET]({ type: EVENT, nsp: nsp.name, data: [event, data] }, { compress: true });
  else socket.emit?.(event, data);
}

function isEncoded(packet: IoPacket | EncodedPacket): packet is EncodedPacket {
  return Array.isArray(packet);
}

function bytesOf(packets: EncodedPacket | string): number {
  if (typeof packets === 'string') return packets.length;
  return packets.reduce((sum, { length }) => sum + length, 0);
}
