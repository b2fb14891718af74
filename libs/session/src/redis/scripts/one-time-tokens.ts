import { type ArgumentsOf, SCRIPTS } from '../lua/script.js';
import { settled } from './replies.js';
import { TaggedScripts } from './tagged.js';

/** The epoch is told only where the user's hash cannot be had in the same call. */
type Whole<S> = Omit<ArgumentsOf<S>, 'epoch'>;

/** One typed function for each script of the one-time tokens. */
export class OneTimeTokenScripts extends TaggedScripts {
  issue(userRef: string, args: Whole<typeof SCRIPTS.issueOneTimeToken>) {
    return this.ask('issueOneTimeToken', userRef, args);
  }

  async consume(userRef: string, args: ArgumentsOf<typeof SCRIPTS.consumeOneTimeToken>) {
    return settled(await this.ask('consumeOneTimeToken', userRef, args));
  }

  revoke(userRef: string, args: Whole<typeof SCRIPTS.revokeOneTimeTokens>) {
    return this.run<number>('revokeOneTimeTokens', userRef, args);
  }
}
