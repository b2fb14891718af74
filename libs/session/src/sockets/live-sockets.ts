import type { LiveConnection } from '../live/live-connection.js';

const connections = new WeakMap<object, LiveConnection>();

/**
 * The live connection behind a client, as a gateway's handlers are given it: its session and user. `undefined` where a
 * gateway also lets in nobody.
 * @example
 * `@SubscribeMessage('me') me(@ConnectedSocket() client: object) { return liveConnectionOf(client)?.user.id; }`
 * @publicApi
 */
export function liveConnectionOf(client: object): LiveConnection | undefined {
  return connections.get(client);
}

export function setLiveConnection(client: object, connection: LiveConnection): void {
  connections.set(client, connection);
}
