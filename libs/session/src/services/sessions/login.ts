import { SessionError, denialError } from '../../model/session-error.js';
import type { SessionSettings } from '../../options/settings.js';
import { normaliseDevice } from '../../rules/device.js';
import type { SessionRepository } from '../../storage/contract/session-repository.js';
import { checkedUserId, newSessionId, userRefOf } from '../../token/session-token.js';
import type { SessionDataStore } from '../data/session-data-store.js';
import type { UserStateService } from '../users/user-state.service.js';
import { tellSessions } from '../../telemetry/tell.js';
import { GuestTakeover } from './guest-takeover.js';
import type { CreateSessionOptions, IssuedSession } from './session-types.js';
import type { TokenIssuer } from './token-issuer.js';

export interface LoginParts {
  readonly repository: SessionRepository;
  readonly settings: SessionSettings;
  readonly dataStore: SessionDataStore;
  readonly users: UserStateService;
  readonly issuer: TokenIssuer;
}

/** A login, from top to bottom. See `SessionService.create`, which has checked the options. */
export async function logIn(
  { repository, settings, dataStore, users, issuer }: LoginParts,
  userId: string,
  options: CreateSessionOptions,
): Promise<IssuedSession> {
  const names = { userRef: userRefOf(checkedUserId(userId)), sessionId: newSessionId() };
  const device = normaliseDevice(options.device);
  const own = options.data === undefined ? undefined : dataStore.payloadOf(options.data, names);
  if (settings.userDirectory) await users.get(userId); // loads the record where there is none
  const tokens = issuer.newTokens(names);
  const takeover =
    options.from === undefined ? undefined : await GuestTakeover.begin({ repository, dataStore }, options);
  const data = takeover ? takeover.payloadFor(tokens.proof) : own;
  const rememberMe = options.rememberMe ?? false;
  const created = await repository.create({
    userId,
    sessionId: names.sessionId,
    tokenHash: tokens.proof.tokenHash,
    ...issuer.familyOf(tokens),
    device,
    lifetime: rememberMe ? settings.rememberMeLifetime : settings.lifetime,
    assurance: options.assurance ?? 'aal1',
    rememberMe,
    createUser: !settings.userDirectory && options.ifEpoch === undefined,
    ifEpoch: options.ifEpoch,
    data,
  });
  if (created.outcome === 'user_blocked')
    throw denialError({ reason: 'user_blocked', block: created.user.block });
  if (created.outcome !== 'created') throw new SessionError(created.outcome);
  tellSessions(settings.realm, { change: 'created', reason: 'login', count: 1 });
  tellSessions(settings.realm, { change: 'ended', reason: 'evicted', count: created.evicted.length });
  await takeover?.finish({ proof: tokens.proof, session: created.session }, data);
  return issuer.issue(tokens, created, { at: created.session.createdAt });
}
