import { type ArgumentsOf, SCRIPTS } from '../lua/script.js';
import { TaggedScripts } from './tagged.js';

/** One typed function for each script about a user's record. Replies are as Redis gave them. */
export class UserScripts extends TaggedScripts {
  read(userRef: string, args: ArgumentsOf<typeof SCRIPTS.readUser>) {
    return this.ask('readUser', userRef, args);
  }

  make(userRef: string, args: ArgumentsOf<typeof SCRIPTS.makeUser>) {
    return this.ask('makeUser', userRef, args);
  }

  change(userRef: string, args: ArgumentsOf<typeof SCRIPTS.changeUser>) {
    return this.ask('changeUser', userRef, args);
  }

  /** Ahead of other calls. */
  restore(userRef: string, args: ArgumentsOf<typeof SCRIPTS.restoreUser>): Promise<unknown> {
    return this.runAhead(SCRIPTS.restoreUser, userRef, args);
  }

  /** The user first: a session that is erased uses no data, and an older one-time token of nobody is void. */
  async erase(userRef: string, args: ArgumentsOf<typeof SCRIPTS.eraseUser>) {
    const live = await this.run<number>(SCRIPTS.eraseUser, userRef, args);
    const beside = (['data', 'once'] as const).map((name) => this.keys.of(userRef, name));
    await Promise.all(beside.map((key) => this.connection.run(SCRIPTS.eraseKey, [key], [])));
    return live;
  }

  export(userRef: string) {
    return this.ask('exportUser', userRef, {});
  }

  beginLoad(userRef: string, args: ArgumentsOf<typeof SCRIPTS.beginLoad>) {
    return this.run<Buffer>(SCRIPTS.beginLoad, userRef, args);
  }

  beginReload(userRef: string, args: ArgumentsOf<typeof SCRIPTS.beginReload>) {
    return this.run<Buffer>(SCRIPTS.beginReload, userRef, args);
  }

  finishLoad(userRef: string, args: ArgumentsOf<typeof SCRIPTS.finishLoad>) {
    return this.ask('finishLoad', userRef, args);
  }
}
