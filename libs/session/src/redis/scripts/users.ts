import { type ArgumentsOf, SCRIPTS } from '../lua/script.js';
import { TaggedScripts } from './tagged.js';

type ErasureReply = readonly [live: number, madeBefore: number, done: 0 | 1 | 2];

/** One typed function for each script about a user's record. Replies are as Redis gave them. */
export class UserScripts extends TaggedScripts {
  private readonly begunErasures = new Set<string>();

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
    const [live, madeBefore] = await this.run<ErasureReply>('eraseUser', userRef, args);
    await Promise.all(this.beside(userRef).map((key) => this.connection.run(SCRIPTS.eraseKey, [key], [])));
    return { live, madeBefore };
  }

  /** Ahead of other calls: forgets a user who has come back with older data. */
  async eraseAgain(userRef: string, args: ArgumentsOf<typeof SCRIPTS.eraseUser>): Promise<void> {
    const isBegun = this.begunErasures.has(userRef);
    this.begunErasures.add(userRef);
    const [, , done] = (await this.runAhead('eraseUser', userRef, args)) as ErasureReply;
    // No record: it was erased by a call of which nobody heard again, or there was none.
    const keys = done === 1 || (done === 2 && isBegun) ? this.beside(userRef) : [];
    await Promise.all(keys.map((key) => this.connection.runAhead(SCRIPTS.eraseKey, [key], [])));
    this.begunErasures.delete(userRef);
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
