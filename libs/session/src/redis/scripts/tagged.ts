import type { RedisConnection } from '../calls/connection.js';
import type { RedisKeys } from '../records/keys.js';
import type { Script, ScriptArgument } from '../lua/script.js';

/** Runs scripts all of whose keys have one hash tag. */
export abstract class TaggedScripts {
  constructor(
    protected readonly connection: RedisConnection,
    protected readonly keys: RedisKeys,
  ) {}

  /** @param tag of a user: the userRef */
  protected async run<Reply>(
    script: Script,
    tag: string,
    args: Readonly<Record<string, ScriptArgument>>,
  ): Promise<Reply> {
    const keys = script.keys.map((name) => this.keys.of(tag, name));
    const values = script.args.map((name) => (name === 'channel' ? this.keys.events : (args[name] ?? '')));
    return (await this.connection.run(script, keys, values)) as Reply;
  }
}
