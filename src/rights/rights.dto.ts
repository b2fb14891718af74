import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type { AuditDetails, AuditOutcome } from '@latchkey/session/audit';
import type { KeptOneTimeToken, KeptQuota, UserExport } from '@latchkey/session/users';
import { OUTCOMES } from '../audit/actions.js';
import type { PostsOfUser } from '../posts/post-repository.js';
import { PostDto, toPostDto } from '../posts/post.dto.js';
import { SessionDto, toSessionDto } from '../sessions/session.dto.js';
import type { Account } from '../users/account.js';

class ExportedAccountDto {
  @ApiProperty()
  id!: string;

  @ApiProperty({ example: 'alice' })
  username!: string;

  @ApiProperty({ format: 'date-time' })
  createdAt!: string;

  @ApiPropertyOptional({ format: 'email', description: 'Once it was proven' })
  email?: string;

  @ApiProperty({ type: [String], example: ['user'] })
  roles!: string[];
}

class ExportedSessionDto extends SessionDto {
  @ApiProperty({ enum: ['live', 'revoked', 'expired'], description: 'Ended ones are remembered for a day' })
  status!: 'live' | 'revoked' | 'expired';

  @ApiPropertyOptional({ type: 'object', additionalProperties: true, description: 'What is kept in it' })
  data?: object;
}

class ExportedQuotaDto {
  @ApiProperty({ example: 'posts' })
  name!: string;

  @ApiPropertyOptional({ description: 'Of a quota by session: whose' })
  sessionId?: string;

  @ApiProperty({ format: 'date-time', description: 'When nothing of it is used up any more' })
  fullAt!: string;
}

class ExportedTokenDto {
  @ApiProperty({ example: 'password-reset' })
  purpose!: string;

  @ApiProperty({ format: 'date-time' })
  issuedAt!: string;

  @ApiProperty({ format: 'date-time' })
  expiresAt!: string;
}

class ExportedEventDto {
  @ApiProperty({ example: '1790000000000-0' })
  id!: string;

  @ApiProperty({ format: 'date-time' })
  at!: string;

  @ApiProperty({ example: 'login' })
  action!: string;

  @ApiProperty({ enum: Object.keys(OUTCOMES) })
  outcome!: AuditOutcome;

  @ApiProperty({ description: 'Whether I did it. Who else did it is not told, nor from where' })
  byMe!: boolean;

  @ApiPropertyOptional({ description: 'The client IP, of what I did' })
  ip?: string;

  @ApiProperty({ type: 'object', additionalProperties: true })
  details!: AuditDetails;
}

export class ExportReply {
  @ApiProperty({ format: 'date-time' })
  exportedAt!: string;

  @ApiProperty({ type: ExportedAccountDto })
  account!: ExportedAccountDto;

  @ApiProperty({ type: [ExportedSessionDto], description: 'Newest first' })
  sessions!: ExportedSessionDto[];

  @ApiProperty({ type: [PostDto], description: 'What I wrote, newest first' })
  posts!: PostDto[];

  @ApiProperty({ type: [String], description: 'The ids of the posts that I like' })
  likes!: string[];

  @ApiProperty({ type: [ExportedQuotaDto] })
  quotas!: ExportedQuotaDto[];

  @ApiProperty({
    type: [ExportedTokenDto],
    description: 'Links that were mailed and not used, without what opens them',
  })
  oneTimeTokens!: ExportedTokenDto[];

  @ApiProperty({ type: [ExportedEventDto], description: 'What I did, and what was done to me, newest first' })
  events!: ExportedEventDto[];

  @ApiProperty({
    type: [String],
    enum: ['posts', 'events'],
    isArray: true,
    description: 'Of what there is more than the newest 1,000',
  })
  cut!: ('posts' | 'events')[];
}

interface Kept {
  readonly account: Account;
  readonly email: string | undefined;
  readonly library: UserExport;
  readonly posts: PostsOfUser;
  /** The session that asks. */
  readonly currentId: string;
}

export function toExportReply({ account, email, library, posts, currentId }: Kept): ExportReply {
  const { id, username, createdAt } = account;
  const { user, sessions, quotas, oneTimeTokens, audit } = library;
  return {
    exportedAt: iso(Date.now()),
    account: {
      id,
      username,
      createdAt: iso(createdAt),
      ...(email === undefined ? {} : { email }),
      roles: [...(user?.roles ?? [])],
    },
    sessions: sessions.map(({ status, data, ...session }) => ({
      ...toSessionDto(session, currentId),
      status,
      ...(data ? { data } : {}),
    })),
    posts: posts.posts.map(toPostDto),
    likes: [...posts.likes],
    quotas: quotas.map(toQuotaDto),
    oneTimeTokens: oneTimeTokens.map(toTokenDto),
    events: audit.entries.map((entry) => ({
      id: entry.id,
      at: iso(entry.at),
      action: entry.action,
      outcome: entry.outcome,
      byMe: entry.actorId === id,
      ...(entry.actorId === id && entry.ip !== undefined ? { ip: entry.ip } : {}),
      details: entry.details,
    })),
    cut: [
      ...(posts.isCut ? (['posts'] as const) : []),
      ...(audit.next === undefined ? [] : (['events'] as const)),
    ],
  };
}

function toQuotaDto({ name, sessionId, fullAt }: KeptQuota): ExportedQuotaDto {
  return { name, ...(sessionId === undefined ? {} : { sessionId }), fullAt: iso(fullAt) };
}

function toTokenDto({ purpose, issuedAt, expiresAt }: KeptOneTimeToken): ExportedTokenDto {
  return { purpose, issuedAt: iso(issuedAt), expiresAt: iso(expiresAt) };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
