import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisServer } from '../../support/redis-server.js';

/** What clients send to a server, as MONITOR sees it. */
export class Commands {
  private constructor(
    private readonly server: RedisServer,
    private readonly seen: string[],
    /** ioredis makes a connection of its own for it, which reconnects for ever. */
    readonly close: () => void,
  ) {}

  static async on(server: RedisServer): Promise<Commands> {
    const seen: string[] = [];
    const monitor = await server.client().monitor();
    monitor.on('monitor', (_time: string, [name = '', argument = '']: string[], source: string) => {
      if (source !== 'lua')
        seen.push(name.toUpperCase() === 'PING' ? `PING ${argument}` : name.toUpperCase());
    });
    return new Commands(server, seen, () => monitor.disconnect());
  }

  /** The names of the commands since the last look. */
  async since(): Promise<string[]> {
    const marker = `mark-${Math.random()}`;
    const client = this.server.client();
    await client.ping(marker);
    while (!this.seen.includes(`PING ${marker}`)) await sleep(2);
    client.disconnect();
    const ofOurs = new Set(['HELLO', 'CLIENT', 'INFO', 'SELECT']);
    return this.seen.splice(0).filter((name) => !name.startsWith('PING') && !ofOurs.has(name));
  }
}
