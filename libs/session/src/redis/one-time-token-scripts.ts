import type { RedisConnection } from './connection.js';
import type { RedisKeys } from './keys.js';
import { type ArgumentsOf, type Script, SCRIPTS } from './script.js';

/** One typed function for each script of the one-time tokens. */
export class OneTimeTokenScripts {
  constructor(
    private readonly connection: RedisConnection,
    private readonly keys: RedisKeys,
  ) {}

  issue(userRef: string, args: ArgumentsOf<typeof SCRIPTS.issueOneTimeToken>) {
    return this.run<[outcome: Buffer, expiresAt?: number]>(SCRIPTS.issueOneTimeToken, userRef, args);
  }

  consume(userRef: string, args: ArgumentsOf<typeof SCRIPTS.consumeOneTimeToken>) {
    return this.run<[] | [subject: Buffer, data: Buffer, epoch: number]>(
      SCRIPTS.consumeOneTimeToken,
      userRef,
      args,
    );
  }

  revoke(userRef: string, args: ArgumentsOf<typeof SCRIPTS.revokeOneTimeTokens>) {
    return this.run<number>(SCRIPTS.revokeOneTimeTokens, userRef, args);
  }

  private async run<Reply>(
    script: Script,
    userRef: string,
    args: Readonly<Record<string, string | number | Buffer>>,
  ): Promise<Reply> {
    const keys = script.keys.map((name) => this.keys.of(userRef, name));
    const values = script.args.map((name) => (name === 'channel' ? this.keys.events : (args[name] ?? '')));
    return (await this.connection.run(script, keys, values)) as Reply;
  }
}
