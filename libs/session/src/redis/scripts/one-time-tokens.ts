import { type ArgumentsOf, SCRIPTS } from '../lua/script.js';
import { TaggedScripts } from './tagged.js';

/** One typed function for each script of the one-time tokens. */
export class OneTimeTokenScripts extends TaggedScripts {
  issue(userRef: string, args: ArgumentsOf<typeof SCRIPTS.issueOneTimeToken>) {
    return this.ask('issueOneTimeToken', userRef, args);
  }

  consume(userRef: string, args: ArgumentsOf<typeof SCRIPTS.consumeOneTimeToken>) {
    return this.ask('consumeOneTimeToken', userRef, args);
  }

  revoke(userRef: string, args: ArgumentsOf<typeof SCRIPTS.revokeOneTimeTokens>) {
    return this.run<number>(SCRIPTS.revokeOneTimeTokens, userRef, args);
  }
}
