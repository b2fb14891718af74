import type { RedisConnection } from '../calls/connection.js';
import { isSlotOpen } from './open-slot.js';
import type { RedisKeys } from '../records/keys.js';
import { type Script, type ScriptArgument, SCRIPTS } from '../lua/script.js';
import { namedReply, type REPLIES, type ReplyOf } from './replies.js';

type Arguments = Readonly<Record<string, ScriptArgument>>;

/** They need the data of sessions only to tidy up there, and do without while a Cluster moves the slot. */
const TIDIES_UP: ReadonlySet<Script> = new Set<Script>([
  SCRIPTS.refresh,
  SCRIPTS.revokeSession,
  SCRIPTS.sweepSessions,
]);

/** Runs scripts all of whose keys have one hash tag. */
export abstract class TaggedScripts {
  constructor(
    protected readonly connection: RedisConnection,
    protected readonly keys: RedisKeys,
  ) {}

  /** @param tag of a user: the userRef */
  protected async run<Reply>(script: Script, tag: string, args: Arguments): Promise<Reply> {
    try {
      return (await this.call(script, tag, args, script.keys)) as Reply;
    } catch (error) {
      if (!TIDIES_UP.has(script) || !isSlotOpen(error)) throw error;
      return (await this.call(script, tag, args, script.keys.slice(0, 1))) as Reply;
    }
  }

  /** As `run`, of a script whose reply says what it is. */
  protected async ask<Name extends keyof typeof REPLIES>(
    name: Name,
    tag: string,
    args: Arguments,
  ): Promise<ReplyOf<Name>> {
    return namedReply(name, await this.run(SCRIPTS[name], tag, args));
  }

  /** As `ask`, with the first of the script's keys alone. */
  protected async askAlone<Name extends keyof typeof REPLIES>(
    name: Name,
    tag: string,
    args: Arguments,
  ): Promise<ReplyOf<Name>> {
    return namedReply(name, await this.call(SCRIPTS[name], tag, args, SCRIPTS[name].keys.slice(0, 1)));
  }

  /** As `run`, before a new server is used. */
  protected runAhead(script: Script, tag: string, args: Arguments): Promise<unknown> {
    const keys = script.keys.map((name) => this.keys.of(tag, name));
    return this.connection.runAhead(script, keys, this.valuesOf(script, args));
  }

  private call(script: Script, tag: string, args: Arguments, names: Script['keys']): Promise<unknown> {
    const keys = names.map((name) => this.keys.of(tag, name));
    return this.connection.run(script, keys, this.valuesOf(script, args));
  }

  private valuesOf(script: Script, args: Arguments): ScriptArgument[] {
    return script.args.map((name) => (name === 'channel' ? this.keys.events : (args[name] ?? '')));
  }
}
