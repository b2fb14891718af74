import { type ArgumentsOf, SCRIPTS } from '../lua/script.js';
import { TaggedScripts } from './tagged.js';
import type { UserReply } from '../records/user-record.js';

export type ChangeReply =
  [outcome: Buffer, now: number, user: UserReply, sessions: number] | [Buffer, number, UserReply] | [Buffer];

/** One typed function for each script about a user's record. Replies are as Redis gave them. */
export class UserScripts extends TaggedScripts {
  read(userRef: string, args: ArgumentsOf<typeof SCRIPTS.readUser>) {
    return this.run<[] | [now: number, user: UserReply]>(SCRIPTS.readUser, userRef, args);
  }

  make(userRef: string, args: ArgumentsOf<typeof SCRIPTS.makeUser>) {
    return this.run<ChangeReply>(SCRIPTS.makeUser, userRef, args);
  }

  change(userRef: string, args: ArgumentsOf<typeof SCRIPTS.changeUser>) {
    return this.run<ChangeReply>(SCRIPTS.changeUser, userRef, args);
  }

  erase(userRef: string, args: ArgumentsOf<typeof SCRIPTS.eraseUser>) {
    return this.run<number>(SCRIPTS.eraseUser, userRef, args);
  }

  beginLoad(userRef: string, args: ArgumentsOf<typeof SCRIPTS.beginLoad>) {
    return this.run<Buffer>(SCRIPTS.beginLoad, userRef, args);
  }

  beginReload(userRef: string, args: ArgumentsOf<typeof SCRIPTS.beginReload>) {
    return this.run<Buffer>(SCRIPTS.beginReload, userRef, args);
  }

  finishLoad(userRef: string, args: ArgumentsOf<typeof SCRIPTS.finishLoad>) {
    return this.run<[outcome: Buffer]>(SCRIPTS.finishLoad, userRef, args);
  }
}
