import { type ArgumentsOf, SCRIPTS } from '../lua/script.js';
import { settled } from './replies.js';
import { TaggedScripts } from './tagged.js';

/** One typed function for each script of the data of sessions. */
export class SessionDataScripts extends TaggedScripts {
  async read(userRef: string, args: ArgumentsOf<typeof SCRIPTS.readData>) {
    return settled(await this.ask('readData', userRef, args));
  }

  async write(userRef: string, args: ArgumentsOf<typeof SCRIPTS.writeData>) {
    return settled(await this.ask('writeData', userRef, args));
  }

  /** From the data's own key, for a caller who has proved that it may. */
  async readAlone(userRef: string, sessionId: string) {
    const reply = await this.ask('dataAlone', userRef, { operation: 'read', sessionId });
    return { version: reply.version, payload: 'payload' in reply ? reply.payload : Buffer.alloc(0) };
  }
}
