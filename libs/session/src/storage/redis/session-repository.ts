// Over 250 lines: a method for each script, and what the parts of the repository share.
import type { TokenLookup } from '../../model/decision.js';
import type { QuotaResult } from '../../model/quota.js';
import { END_REASONS, type EndReason, type Session } from '../../model/session.js';
import { RedisConnection, type RedisConnectionOptions } from '../../redis/calls/connection.js';
import { RedisKeys } from '../../redis/records/keys.js';
import { IpListScripts } from '../../redis/scripts/ip-lists.js';
import { NodeScripts } from '../../redis/scripts/nodes.js';
import { packIp, writeDevice } from '../../redis/records/device-record.js';
import { assuranceCode, traitsOf } from '../../redis/records/session-record.js';
import { leaseArgument } from '../../redis/records/lease-record.js';
import { CHECK_STATUS } from '../../redis/records/token-lookup.js';
import { ReplicationScripts } from '../../redis/scripts/replication.js';
import { readCheckReply, SessionScripts } from '../../redis/scripts/sessions.js';
import { RedisSubscriber } from '../../redis/servers/subscriber.js';
import { UserScripts } from '../../redis/scripts/users.js';
import { isUserRefOf, userRefOf } from '../../token/session-token.js';
import { addressBits } from '../../rules/ip-ranges.js';
import { distrust, unexpected } from './distrust.js';
import { RedisEventChannel } from './event-channel.js';
import { RedisIpLists } from './ip-lists.js';
import { RedisNodeRegistry } from './node-registry.js';
import { newEpoch } from '../contract/user-repository.js';
import { familyArguments, quotaArgumentsOf, roleGroupsArgument, roleLifetimesArgument } from './arguments.js';
import { RedisQuotas } from './quotas.js';
import { RedisSessionDataRepository } from './session-data-repository.js';
import {
  liveSessions,
  toCreateOutcome,
  toTokenLookup,
  toRefreshOutcome,
  toSession,
  toUserOf,
  toUserState,
} from './replies.js';
import { ActMemory, type RememberedEnd } from './recovery/act-memory.js';
import { Recovery } from './recovery/recovery.js';
import { StateAge } from './recovery/state-age.js';
import { RedisUserRepository } from './user-repository.js';
import type {
  CreateOutcome,
  LoadFirst,
  NewSession,
  QuotaRequest,
  RefreshOutcome,
  RefreshRequest,
  ReplaceOutcome,
  RequestDemand,
  RepositorySettings,
  RevokeAllOutcome,
  SessionRepository,
  TokenProof,
  TokenReplacement,
} from '../contract/session-repository.js';

const UNKNOWN: TokenLookup = { kind: 'unknown' };

interface RedisRepositoryOptions extends RedisConnectionOptions {
  readonly keyPrefix: string;
  /** Whether this is to leave nothing in Redis. Default false. */
  readonly isOnlooker?: boolean;
}

/** The repository on Redis: connected and checked, or still looking for its server. See `RedisConnection.open`. */
export async function openRedisRepository(
  options: RedisRepositoryOptions,
  settings: RepositorySettings,
): Promise<RedisSessionRepository> {
  const connection = await RedisConnection.open(options);
  const repository = new RedisSessionRepository(connection, new RedisKeys(options.keyPrefix), settings);
  if (!options.isOnlooker) connection.onNewServer(repository.recovery.onNewServer);
  return repository;
}

/** Each method is one script on the keys of one user (redis/lua); this translates its arguments and its reply. */
export class RedisSessionRepository implements SessionRepository {
  readonly events: RedisEventChannel;
  readonly users: RedisUserRepository;
  readonly nodes: RedisNodeRegistry;
  readonly data: RedisSessionDataRepository;
  readonly ipLists: RedisIpLists;
  readonly replication?: ReplicationScripts;
  private readonly scripts: SessionScripts;
  private readonly quotas: RedisQuotas;
  private readonly roleLifetimes: string;
  private readonly stateAge: StateAge;
  /** Of the one-time tokens, too. */
  readonly acts = new ActMemory();
  /** What has to be done before another server is used. */
  readonly recovery: Recovery;

  constructor(
    readonly connection: RedisConnection,
    readonly keys: RedisKeys,
    private readonly settings: RepositorySettings,
  ) {
    const complain = (line: string): void => connection.complain(line);
    const nodeScripts = new NodeScripts(connection, this.keys);
    this.nodes = distrust(new RedisNodeRegistry(nodeScripts), complain);
    this.ipLists = distrust(new RedisIpLists(new IpListScripts(connection, this.keys), this.acts), complain);
    this.events = new RedisEventChannel(
      (handlers) => new RedisSubscriber(() => connection.duplicate(), this.keys.events, handlers),
      complain,
    );
    const stateAge = (this.stateAge = new StateAge(settings.maxStateAgeMs));
    this.users = distrust(
      new RedisUserRepository(new UserScripts(connection, keys), settings, stateAge, this.acts),
      complain,
    );
    const wait = connection.replicaWait(settings.replicas);
    if (wait) {
      const { replicas } = settings;
      const isReplaced = connection.isBehindSentinels;
      this.replication = new ReplicationScripts(wait, this.keys, { replicas, isReplaced });
    }
    this.roleLifetimes = roleLifetimesArgument(settings);
    const { roleLifetimes } = this;
    const maxStateAgeMs = stateAge.argument;
    this.scripts = new SessionScripts(connection, keys, { ...settings, maxStateAgeMs, roleLifetimes });
    stateAge.onChange((argument) => this.scripts.useMaxStateAge(argument));
    this.quotas = new RedisQuotas(this.scripts, this.keys);
    this.data = distrust(new RedisSessionDataRepository(this.scripts.data, roleLifetimes), complain);
    distrust<SessionRepository>(this, complain, ['authenticate']); // which reads its reply where it comes in
    this.recovery = new Recovery({
      acts: this.acts,
      stateAge,
      meet: (identity) => nodeScripts.meetServer(identity),
      eraseUser: (erasure) => this.users.eraseAgain(erasure),
      restoreUser: (user) => this.users.restore(user),
      endSession: (end) => this.scripts.revokeSessionAhead(userRefOf(end.userId), this.revocationOf(end)),
      restoreList: (list) => this.ipLists.restore(list),
      refuseWaiting: () => connection.refuseWaiting(),
    });
  }

  authenticate(proof: TokenProof, demand: RequestDemand): Promise<TokenLookup | LoadFirst> {
    const { quotas, ip } = demand;
    const asked = {
      clientIp: addressBits(ip?.clientIp),
      refusedRoles: ip?.refusedRoles === 'all' ? '*' : (ip?.refusedRoles.join(' ') ?? ''),
      touchIfRoles: roleGroupsArgument(demand.touchIfRoles),
      withData: demand.withData ? '1' : '',
      lease: demand.lease && leaseArgument(demand.lease),
      quotas: quotaArgumentsOf(quotas),
    };
    const looked = this.scripts.authenticate(proof, asked, (reply): TokenLookup | LoadFirst => {
      const found = readCheckReply(reply, quotas.length);
      if ('user' in found) {
        // Redis cannot compute a userRef: whether the record is of the token's user is looked at here.
        if (!isUserRefOf(proof.userRef, found.user.id)) return UNKNOWN;
        return toTokenLookup(found, { sessionId: proof.sessionId, quotas }, this.settings);
      }
      // Of a record that is another user's, nobody is loaded.
      const userId = found[0] === CHECK_STATUS.load ? String(found[1]) : undefined;
      return userId !== undefined && isUserRefOf(proof.userRef, userId) ? { kind: 'load', userId } : UNKNOWN;
    });
    if (!demand.withData || !this.connection.isCluster) return looked;
    return this.data.broughtBy(looked, proof, () => this.authenticate(proof, { ...demand, withData: false }));
  }

  async create(session: NewSession): Promise<CreateOutcome> {
    const { userId, sessionId, lifetime } = session;
    const device = writeDevice(session.device);
    const reply = await this.scripts.createSession(userRefOf(userId), {
      userId,
      sessionId,
      tokenHash: session.tokenHash,
      device,
      ...lifetime,
      traits: traitsOf({ ...session, hasFamily: session.family !== undefined }),
      ifEpoch: session.ifEpoch ?? '',
      newEpoch: session.createUser ? newEpoch() : '',
      maxSessions: this.settings.maxSessionsPerUser,
      onSessionLimit: this.settings.onSessionLimit,
      rememberEndedMs: this.settings.rememberEndedMs,
      maxEndedSessions: this.settings.maxEndedSessions,
      maxStateAgeMs: this.stateAge.argument,
      roleLifetimes: this.roleLifetimes,
      data: session.data ?? '',
      ...familyArguments(session.family),
      isGuest: session.isGuest ? 1 : '',
    });
    return toCreateOutcome(reply, { id: sessionId, device }, this.settings);
  }

  async list(userId: string): Promise<Session[]> {
    const reply = await this.scripts.listSessions(userRefOf(userId));
    if (reply.kind === 'unknown') return [];
    const { now, fields } = reply;
    return liveSessions(fields, { user: toUserOf(userId, reply.user, now), now, settings: this.settings });
  }

  async revoke(userId: string, sessionId: string, reason: EndReason): Promise<boolean> {
    const args = this.revocationOf({ sessionId, reason });
    const wasLive = (await this.scripts.revokeSession(userRefOf(userId), args)) === 1;
    if (wasLive) this.acts.ended({ userId, sessionId, reason });
    return wasLive;
  }

  private revocationOf({ sessionId, reason }: Pick<RememberedEnd, 'sessionId' | 'reason'>) {
    const { rememberEndedMs } = this.settings;
    const { code } = END_REASONS[reason];
    return { sessionId, reason: code, rememberEndedMs, roleLifetimes: this.roleLifetimes };
  }

  async revokeAll(userId: string, except?: TokenProof): Promise<RevokeAllOutcome> {
    const userRef = userRefOf(userId);
    if (except && except.userRef !== userRef) return { outcome: 'refused' };
    const reply = await this.scripts.revokeAll(userRef, {
      exceptSessionId: except?.sessionId ?? '',
      exceptTokenHash: except?.tokenHash ?? '',
      roleLifetimes: this.roleLifetimes,
    });
    if (reply.kind !== 'revoked') return { outcome: reply.kind };
    const { version, epoch, sessions } = reply;
    this.acts.changed({ id: userId, version, epoch });
    return { outcome: 'revoked', version, epoch, sessions };
  }

  sweep(userId: string): Promise<number> {
    const { rememberEndedMs, maxEndedSessions } = this.settings;
    const args = { rememberEndedMs, maxEndedSessions, roleLifetimes: this.roleLifetimes };
    return this.scripts.sweepSessions(userRefOf(userId), args);
  }

  async replaceToken(replacement: TokenReplacement): Promise<ReplaceOutcome> {
    const { proof } = replacement;
    const reply = await this.scripts.replaceToken(proof.userRef, {
      sessionId: proof.sessionId,
      tokenHash: proof.tokenHash,
      newTokenHash: replacement.newTokenHash,
      ifEpoch: replacement.ifEpoch ?? '',
      reauthenticated: replacement.reauthenticated ? 1 : 0,
      assurance: replacement.assurance ? assuranceCode(replacement.assurance) : 0,
      revokeOthers: replacement.revokeOthers ? 1 : 0,
      roleLifetimes: this.roleLifetimes,
      ...familyArguments(replacement.family),
    });
    if (reply.kind === 'refused') return { outcome: 'refused' };
    const { now, record, device, sessions: revoked } = reply;
    const user = toUserState(reply.user, now);
    if (!isUserRefOf(proof.userRef, user.id)) throw unexpected('user_mismatch');
    const { id, version, epoch } = user;
    if (replacement.revokeOthers) this.acts.changed({ id, version, epoch });
    const session = toSession({ id: proof.sessionId, record, device }, user, this.settings);
    return { outcome: 'replaced', session, user, revoked, now };
  }

  async refresh(request: RefreshRequest): Promise<RefreshOutcome | LoadFirst> {
    const { proof, offer } = request;
    const reply = await this.scripts.refresh(proof.userRef, {
      sessionId: proof.sessionId,
      familyHash: proof.familyHash,
      refreshHash: proof.refreshHash,
      salt: offer.salt,
      newRefreshHash: offer.refreshHash,
      newTokenHash: offer.tokenHash,
      accessTokenTtlMs: request.accessTokenTtlMs,
      graceMs: request.graceMs,
      userAgent: request.device.userAgent,
      ip: packIp(request.device.ip),
      rememberEndedMs: this.settings.rememberEndedMs,
      maxStateAgeMs: this.stateAge.argument,
      roleLifetimes: this.roleLifetimes,
    });
    const outcome = toRefreshOutcome(reply, proof.sessionId, this.settings);
    const userId = 'kind' in outcome ? outcome.userId : 'user' in outcome ? outcome.user.id : undefined;
    return userId === undefined || isUserRefOf(proof.userRef, userId) ? outcome : { outcome: 'unknown' };
  }

  quota(request: QuotaRequest): Promise<QuotaResult> {
    return this.quotas.apply(request);
  }

  ping(): Promise<void> {
    return this.connection.ping();
  }

  async close(): Promise<void> {
    this.stateAge.close();
    await this.events.close();
    await this.connection.close();
  }
}
