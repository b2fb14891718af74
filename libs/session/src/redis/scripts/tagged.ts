import type { RedisConnection } from '../calls/connection.js';
import { type ScriptArgument, SCRIPTS } from '../lua/script.js';
import type { KeyName, RedisKeys } from '../records/keys.js';
import { type Alone, isSlotOpen, KEY_BY_KEY, type ScriptName } from './open-slot.js';
import { namedReply, REPLIES, type ReplyOf } from './replies.js';

type Arguments = Readonly<Record<string, ScriptArgument>>;

/** Runs scripts all of whose keys have one hash tag. */
export abstract class TaggedScripts {
  constructor(
    protected readonly connection: RedisConnection,
    protected readonly keys: RedisKeys,
  ) {}

  /** @param tag of a user: the userRef */
  protected run<Reply>(name: ScriptName, tag: string, args: Arguments): Promise<Reply> {
    return this.attempt(name, tag, args) as Promise<Reply>;
  }

  /** As `run`, of a script whose reply says what it is. */
  protected ask<Name extends keyof typeof REPLIES>(
    name: Name,
    tag: string,
    args: Arguments,
  ): Promise<ReplyOf<Name>> {
    return this.attempt(name, tag, args) as Promise<ReplyOf<Name>>;
  }

  private async attempt(name: ScriptName, tag: string, args: Arguments): Promise<unknown> {
    try {
      return await this.call(name, { tag, args, keys: SCRIPTS[name].keys });
    } catch (error) {
      const keyByKey: ((alone: Alone, args: never) => Promise<unknown>) | undefined = KEY_BY_KEY[name];
      if (!keyByKey || !isSlotOpen(error)) throw error;
      const alone = (one: ScriptName, given: Arguments): Promise<unknown> =>
        this.call(one, { tag, args: given, keys: SCRIPTS[one].keys.slice(0, 1) });
      return keyByKey(alone as Alone, args as never);
    }
  }

  private async call(
    name: ScriptName,
    {
      tag,
      args,
      keys,
    }: { readonly tag: string; readonly args: Arguments; readonly keys: readonly KeyName[] },
  ): Promise<unknown> {
    const script = SCRIPTS[name];
    const values = script.args.map((arg) => (arg === 'channel' ? this.keys.events : (args[arg] ?? '')));
    const reply: unknown = await this.connection.run(
      script,
      keys.map((key) => this.keys.of(tag, key)),
      values,
    );
    return name in REPLIES ? namedReply(name as keyof typeof REPLIES, reply) : reply;
  }
}
