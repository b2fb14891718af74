import { type ArgumentsOf, SCRIPTS } from '../lua/script.js';
import { TaggedScripts } from './tagged.js';

type ErasureReply = readonly [live: number, at: number, wasDone: number];

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
    return this.runAhead('restoreUser', userRef, args);
  }

  /** The user first: a session that is erased uses no data, and an older one-time token of nobody is void. */
  async erase(userRef: string, args: ArgumentsOf<typeof SCRIPTS.eraseUser>) {
    const [live, at] = await this.run<ErasureReply>('eraseUser', userRef, args);
    await Promise.all(this.beside(userRef).map((key) => this.connection.run(SCRIPTS.eraseKey, [key], [])));
    return { live, at };
  }

  /** Ahead of other calls: forgets a user who has come back with older data. */
  async eraseAgain(userRef: string, args: ArgumentsOf<typeof SCRIPTS.eraseUser>): Promise<void> {
    const [, , wasDone] = (await this.runAhead('eraseUser', userRef, args)) as ErasureReply;
    const keys = wasDone === 1 ? this.beside(userRef) : [];
    await Promise.all(keys.map((key) => this.connection.runAhead(SCRIPTS.eraseKey, [key], [])));
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

  /** What is kept of a user beside the record. */
  private beside(userRef: string): string[] {
    return (['data', 'once'] as const).map((name) => this.keys.of(userRef, name));
  }
}
