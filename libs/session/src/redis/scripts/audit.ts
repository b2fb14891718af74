import { type ArgumentsOf, SCRIPTS } from '../lua/script.js';
import { TaggedScripts } from './tagged.js';

/** The hash tag of every key of the audit log. */
const SLOT = 'audit';

/** An entry of a stream: its ID, and its fields with their values in turns. */
export type StreamEntry = readonly [id: Buffer, fields: readonly Buffer[]];

/** One typed function for each script of the audit log. */
export class AuditScripts extends TaggedScripts {
  append(args: ArgumentsOf<typeof SCRIPTS.auditAppend>) {
    return this.run<Buffer>('auditAppend', SLOT, args);
  }

  begin(args: ArgumentsOf<typeof SCRIPTS.auditBegin>) {
    return this.run<Buffer>('auditBegin', SLOT, args);
  }

  beginWhenFull(args: ArgumentsOf<typeof SCRIPTS.auditBeginWhenFull>) {
    return this.run<Buffer>('auditBeginWhenFull', SLOT, args);
  }

  settle(args: ArgumentsOf<typeof SCRIPTS.auditSettle>) {
    return this.run<0 | 1>('auditSettle', SLOT, args);
  }

  read(args: ArgumentsOf<typeof SCRIPTS.auditRead>) {
    return this.run<[entries: StreamEntry[], next: Buffer, dropped: Buffer[]]>('auditRead', SLOT, args);
  }
}
