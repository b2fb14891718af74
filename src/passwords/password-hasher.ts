import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import argon2 from 'argon2';
import { Problem } from '../problem/problem.js';
import { Semaphore } from './semaphore.js';

/** OWASP Password Storage Cheat Sheet, argon2id: 19 MiB, two passes, one lane. */
const ARGON2ID = { type: argon2.argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;
/** One of libuv's four threads stays free for everything else that needs one. */
const MOST_AT_A_TIME = 3;
/** Some two seconds of work; whoever comes after that is better told to come again. */
const LONGEST_QUEUE = 64;

/** Makes and checks password hashes, a few at a time: each costs 19 MiB and tens of milliseconds of a core. */
@Injectable()
export class PasswordHasher implements OnModuleInit {
  private readonly semaphore = new Semaphore({
    concurrency: Math.min(availableParallelism(), MOST_AT_A_TIME),
    queue: LONGEST_QUEUE,
  });
  private decoy = '';

  async onModuleInit(): Promise<void> {
    this.decoy = await this.hash(randomBytes(24).toString('base64url'));
  }

  /** A hash that no password matches: checked for user names that do not exist, so that they take as long. */
  get decoyHash(): string {
    return this.decoy;
  }

  /** @throws Problem `overloaded` when too many are waiting */
  hash(password: string): Promise<string> {
    return this.inTurn(() => argon2.hash(password, ARGON2ID));
  }

  /** @throws Problem `overloaded` when too many are waiting */
  verify(hash: string, password: string): Promise<boolean> {
    return this.inTurn(() => argon2.verify(hash, password));
  }

  private inTurn<T>(task: () => Promise<T>): Promise<T> {
    return this.semaphore.run(
      task,
      () => new Problem('overloaded', 'Too many people are logging in: try again'),
    );
  }
}
