/**
 * What the code blocks of the documents may use without showing it, by `<!-- with: sessions, type UserState -->` above
 * the block. Nothing here runs; the blocks are only compiled.
 */
import type { INestApplication } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Redis } from 'ioredis';
import type {
  AuditLog,
  EventStreams,
  IpAllowlists,
  OneTimeTokens,
  PolicyManifest,
  RateLimiter,
  Session,
  SessionEvents,
  SessionService,
  SessionTransport,
  UserState,
  UserStateService,
} from '@latchkey/session';
import type { ServiceTokens } from '@latchkey/session/jwt';
import type { LiveConnections } from '@latchkey/session/live';

export * from '@nestjs/common';
export * from '@latchkey/session';
// Nest has a decorator of this name.
export type { Session } from '@latchkey/session';

export declare const app: INestApplication;
export declare const request: Request;
export declare const response: Response;
export declare const redis: Redis;

export declare const sessions: SessionService;
export declare const users: UserStateService;
export declare const transport: SessionTransport;
export declare const events: SessionEvents;
export declare const streams: EventStreams;
export declare const liveConnections: LiveConnections;
export declare const limiter: RateLimiter;
export declare const ipAllowlists: IpAllowlists;
export declare const oneTimeTokens: OneTimeTokens;
export declare const audit: AuditLog;
export declare const manifest: PolicyManifest;
export declare const serviceTokens: ServiceTokens;

export declare const session: Session;
export declare const user: UserState;
export declare const userId: string;
export declare const token: string;
export declare const refreshToken: string;

/** An account of the app, as its own database has it. */
export interface Account {
  readonly id: string;
  readonly email: string;
  readonly roles: string[];
}
export declare const account: Account;
export declare function findAccount(username: string): Promise<Account | undefined>;
export declare function passwordMatches(account: Account | undefined, password: string): Promise<boolean>;
export declare function sendMail(to: string, text: string): Promise<void>;

/** What `this` has in a block of members, as if a constructor had injected it. */
export declare class Injected {
  protected readonly sessions: SessionService;
  protected readonly users: UserStateService;
  protected readonly transport: SessionTransport;
  protected readonly events: SessionEvents;
  protected readonly streams: EventStreams;
  protected readonly liveConnections: LiveConnections;
  protected readonly limiter: RateLimiter;
  protected readonly ipAllowlists: IpAllowlists;
  protected readonly oneTimeTokens: OneTimeTokens;
  protected readonly audit: AuditLog;
  protected readonly manifest: PolicyManifest;
  protected readonly serviceTokens: ServiceTokens;
}
