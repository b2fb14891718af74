import type { RedisConnection } from '../calls/connection.js';
import type { RedisKeys } from '../records/keys.js';
import { type Script, type ScriptArgument, SCRIPTS } from '../lua/script.js';
import { namedReply, type REPLIES, type ReplyOf } from './replies.js';

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

  /** As `run`, of a script whose reply says what it is. */
  protected async ask<Name extends keyof typeof REPLIES>(
    name: Name,
    tag: string,
    args: Readonly<Record<string, ScriptArgument>>,
  ): Promise<ReplyOf<Name>> {
    return namedReply(name, await this.run(SCRIPTS[name], tag, args));
  }
}
