import type { RedisConnection } from './connection.js';
import type { RedisKeys } from './keys.js';
import { type ArgumentsOf, type Script, SCRIPTS } from './script.js';

/** The hash tag of every key of the audit log. */
const SLOT = 'audit';

/** An entry of a stream: its ID, and its fields with their values in turns. */
export type StreamEntry = readonly [id: Buffer, fields: readonly Buffer[]];

/** One typed function for each script of the audit log. */
export class AuditScripts {
  constructor(
    private readonly connection: RedisConnection,
    private readonly keys: RedisKeys,
  ) {}

  append(args: ArgumentsOf<typeof SCRIPTS.auditAppend>) {
    return this.run<Buffer>(SCRIPTS.auditAppend, args);
  }

  begin(args: ArgumentsOf<typeof SCRIPTS.auditBegin>) {
    return this.run<Buffer>(SCRIPTS.auditBegin, args);
  }

  settle(args: ArgumentsOf<typeof SCRIPTS.auditSettle>) {
    return this.run<0 | 1>(SCRIPTS.auditSettle, args);
  }

  read(args: ArgumentsOf<typeof SCRIPTS.auditRead>) {
    return this.run<[entries: StreamEntry[], next: Buffer]>(SCRIPTS.auditRead, args);
  }

  private async run<Reply>(
    script: Script,
    args: Readonly<Record<string, string | number | Buffer>>,
  ): Promise<Reply> {
    const keys = script.keys.map((name) => this.keys.of(SLOT, name));
    const values = script.args.map((name) => args[name] ?? '');
    return (await this.connection.run(script, keys, values)) as Reply;
  }
}
