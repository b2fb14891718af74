import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import argon2 from 'argon2';
import { APP_CONFIG, type AppConfig } from '../config/app-config.js';
import { Problem } from '../problem/problem.js';
import { FairQueue, type TaskOwner } from './fair-queue.js';

/** A hash that is checked at no greater cost than 256 MiB and 16 passes: what Redis holds must not stall this process. */
const PHC = /^\$argon2id\$v=19\$m=(\d{1,6}),t=(\d{1,2}),p=[1-4]\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}$/;
const MOST_KIB = 262_144;
const MOST_PASSES = 16;
/** One of libuv's four threads stays free for everything else that needs one. */
const MOST_AT_A_TIME = 3;
/** Some three seconds of work; whoever comes after that is better told to come again. */
const LONGEST_QUEUE = 128;
/** As many as an office may have waiting that comes by one address. */
const LONGEST_OF_CLIENT = 64;
/** Our own: demo accounts and commands. */
const OURSELVES: TaskOwner = { client: '', account: '' };

/** Whether a text can be a hash of ours at all. */
function isPasswordHash(text: string): boolean {
  const [, kib, passes] = PHC.exec(text) ?? [];
  return Number(kib) <= MOST_KIB && Number(passes) <= MOST_PASSES;
}

/** Makes and checks password hashes, a few at a time and clients in turn: each costs 19 MiB and tens of milliseconds of a core. */
@Injectable()
export class PasswordHasher implements OnModuleInit {
  private readonly queue = new FairQueue({
    concurrency: Math.min(availableParallelism(), MOST_AT_A_TIME),
    waiting: LONGEST_QUEUE,
    waitingPerClient: LONGEST_OF_CLIENT,
  });
  private decoy = '';

  constructor(@Inject(APP_CONFIG) private readonly config: Pick<AppConfig, 'passwordCost'>) {}

  async onModuleInit(): Promise<void> {
    this.decoy = await this.hash(randomBytes(24).toString('base64url'));
  }

  /** A hash that no password matches: checked for user names that do not exist, so that they take as long. */
  get decoyHash(): string {
    return this.decoy;
  }

  /**
   * @param owner whose turn it takes; default: this process's own
   * @throws Problem `overloaded` when too many are waiting
   */
  hash(password: string, owner = OURSELVES): Promise<string> {
    const { memoryKib: memoryCost, passes: timeCost } = this.config.passwordCost;
    const argon2id = { type: argon2.argon2id, memoryCost, timeCost, parallelism: 1 };
    return this.inTurn(owner, () => argon2.hash(password, argon2id));
  }

  /**
   * A hash that is damaged matches no password, and takes as long as another.
   * @param owner whose turn it takes
   * @throws Problem `overloaded` when too many are waiting
   */
  verify(hash: string, password: string, owner: TaskOwner): Promise<boolean> {
    const known = isPasswordHash(hash) ? hash : this.decoy;
    return this.inTurn(owner, () => argon2.verify(known, password));
  }

  private inTurn<T>(owner: TaskOwner, task: () => Promise<T>): Promise<T> {
    return this.queue.run(
      task,
      owner,
      () => new Problem('overloaded', 'Too many people are logging in: try again'),
    );
  }
}
