import { type ArgumentsOf, SCRIPTS } from '../lua/script.js';
import { isSlotOpen } from './open-slot.js';
import type { ReplyOf } from './replies.js';
import { TaggedScripts } from './tagged.js';

type AloneReply<Operation> = Operation extends 'write'
  ? Exclude<ReplyOf<'dataAlone'>, { readonly kind: 'found' }>
  : Extract<ReplyOf<'dataAlone'>, { readonly kind: 'found' }>;

const NOTHING = { ifVersion: '', payload: '', isSameContent: 0, keepUntil: '', keepForMs: '' };

/** One typed function for each script of the data of sessions. While a Cluster moves the slot, each goes one key at a time. */
export class SessionDataScripts extends TaggedScripts {
  async read(userRef: string, args: ArgumentsOf<typeof SCRIPTS.readData>) {
    try {
      return settled(await this.ask('readData', userRef, args));
    } catch (error) {
      if (!isSlotOpen(error)) throw error;
      const found = await this.alone(userRef, 'read', args);
      // After it was read: the session that it is of was live then.
      const proof = await this.askAlone('readData', userRef, args);
      return proof.kind === 'proven' ? found : settled(proof);
    }
  }

  async write(userRef: string, args: ArgumentsOf<typeof SCRIPTS.writeData>) {
    try {
      return settled(await this.ask('writeData', userRef, args));
    } catch (error) {
      if (!isSlotOpen(error)) throw error;
      return args.endReason === '' ? this.writeApart(userRef, args) : this.endApart(userRef, args);
    }
  }

  /** The data's own key, for a caller who has proved that it may. */
  async alone<Operation extends 'read' | 'write' | 'forget' | 'keep'>(
    userRef: string,
    operation: Operation,
    args: Pick<ArgumentsOf<typeof SCRIPTS.dataAlone>, 'sessionId'> &
      Partial<ArgumentsOf<typeof SCRIPTS.dataAlone>>,
  ): Promise<AloneReply<Operation>> {
    return (await this.ask('dataAlone', userRef, {
      ...NOTHING,
      ...args,
      operation,
    })) as AloneReply<Operation>;
  }

  private async writeApart(userRef: string, args: ArgumentsOf<typeof SCRIPTS.writeData>) {
    const proof = await this.askAlone('writeData', userRef, args);
    if (proof.kind !== 'proven') return settled(proof);
    const written = await this.alone(userRef, 'write', { ...args, keepUntil: proof.keepUntil });
    if (written.kind !== 'written') return written;
    // A session that has ended meanwhile leaves nothing.
    const still = await this.askAlone('writeData', userRef, args);
    if (still.kind === 'proven') return written;
    await this.alone(userRef, 'forget', args);
    return settled(still);
  }

  private async endApart(userRef: string, args: ArgumentsOf<typeof SCRIPTS.writeData>) {
    const proof = await this.askAlone('writeData', userRef, { ...args, endReason: '' });
    if (proof.kind !== 'proven') return settled(proof);
    const { version, payload } = await this.alone(userRef, 'read', args);
    if (version !== Number(args.ifVersion)) return { kind: 'version_conflict', version, payload } as const;
    const ended = await this.askAlone('writeData', userRef, args);
    if (ended.kind === 'written') await this.alone(userRef, 'forget', args);
    return settled(ended);
  }
}

/** A reply that is no proof alone: those are of calls with one key. */
function settled<Reply extends ReplyOf<'readData' | 'writeData'>>(reply: Reply) {
  if (reply.kind === 'proven') throw new Error('The script answered a proof for what it was asked');
  return reply as Exclude<Reply, { readonly kind: 'proven' }>;
}
