import { SessionConfigurationError, denialError } from '../../model/session-error.js';
import type { SessionSettings } from '../../options/settings.js';
import { normaliseDevice } from '../../rules/device.js';
import { quotaPartitionOfIp } from '../../rules/ip-address.js';
import type { SessionRepository } from '../../storage/contract/session-repository.js';
import { mintGuestToken, newGuestId, newSessionId, userRefOf } from '../../token/session-token.js';
import type { SessionDataStore } from '../data/session-data-store.js';
import { tellRefusals, tellSessions } from '../../telemetry/tell.js';
import { checkedOrigin } from './requirements.js';
import { keepCredential } from './session-credential.js';
import type { CreateGuestOptions, IssuedGuest } from './session-types.js';

export interface GuestParts {
  readonly repository: SessionRepository;
  readonly settings: Pick<SessionSettings, 'guests' | 'realm'>;
  readonly dataStore: SessionDataStore;
}

/**
 * A session before login, from top to bottom. See `SessionService.createGuest`, which has checked the options. To storage a
 * guest is a user like any other, of whom nobody knows: with an id that was drawn for this one session, and goes with it.
 */
export async function beginGuest(
  { repository, settings: { guests, realm }, dataStore }: GuestParts,
  { clientIp: givenIp, data, device }: CreateGuestOptions,
): Promise<IssuedGuest> {
  if (!guests) throw new SessionConfigurationError('guests', 'is off: set it to have sessions before login');
  const { clientIp } = checkedOrigin({ clientIp: givenIp });
  const userId = newGuestId();
  const { token, ...proof } = mintGuestToken({ userRef: userRefOf(userId), sessionId: newSessionId() });
  const normalised = normaliseDevice(device);
  const payload = data === undefined ? undefined : dataStore.payloadOf(data, proof);
  if (guests.perIp) {
    const partition = { key: `guest:${quotaPartitionOfIp(clientIp)}` };
    const quota = await repository.quota({
      operation: 'consume',
      policy: guests.perIp,
      partition,
      cost: 1,
    });
    tellRefusals(realm, [quota]);
    if (!quota.allowed) throw denialError({ reason: 'rate_limited', quotas: [quota] });
  }
  const created = await repository.create({
    userId,
    sessionId: proof.sessionId,
    tokenHash: proof.tokenHash,
    device: normalised,
    lifetime: guests.lifetime,
    assurance: 'aal1',
    rememberMe: false,
    createUser: true,
    isGuest: true,
    data: payload,
  });
  if (created.outcome !== 'created') throw new Error(`A new guest was answered ${created.outcome}`);
  tellSessions(realm, { change: 'created', reason: 'guest', count: 1 });
  const { session } = created;
  keepCredential(session, proof);
  return { token, expiresAt: session.expiresAt, session };
}
