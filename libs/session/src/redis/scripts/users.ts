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

  /** The user first: a session that is erased uses no data, and an older one-time token of nobody is void. */
  async erase(userRef: string, args: ArgumentsOf<typeof SCRIPTS.eraseUser>) {
    const live = await this.run<number>('eraseUser', userRef, args);
    const beside = (['data', 'once'] as const).map((name) => this.keys.of(userRef, name));
    await Promise.all(beside.map((key) => this.connection.run(SCRIPTS.eraseKey, [key], [])));
    return live;
  }

  /** The user first: data of a session that has ended since then is gone, and none is of a session that is not told. */
  async export(userRef: string) {
    const ofUser = await this.ask('exportUser', userRef, {});
    const [payloads, tokens] = await Promise.all([
      this.run<readonly Buffer[]>('exportData', userRef, {}),
      this.run<readonly (Buffer | number)[]>('exportOneTimeTokens', userRef, {}),
    ]);
    return { ofUser, payloads, tokens };
  }

  beginLoad(userRef: string, args: ArgumentsOf<typeof SCRIPTS.beginLoad>) {
    return this.run<Buffer>('beginLoad', userRef, args);
  }

  beginReload(userRef: string, args: ArgumentsOf<typeof SCRIPTS.beginReload>) {
    return this.run<Buffer>('beginReload', userRef, args);
  }

  finishLoad(userRef: string, args: ArgumentsOf<typeof SCRIPTS.finishLoad>) {
    return this.ask('finishLoad', userRef, args);
  }
}
