import { object, wrong } from '../../basics/inputs.js';
import type { StoredData } from '../../model/session-data.js';
import type { Session } from '../../model/session.js';
import { mayHaveRun, SessionError } from '../../model/session-error.js';
import type { SessionRepository, TokenProof } from '../../storage/contract/session-repository.js';
import { parseGuestToken } from '../../token/session-token.js';
import { copyOfObject } from '../data/json.js';
import { NO_DATA, type SessionDataStore } from '../data/session-data-store.js';
import { credentialOf } from './session-credential.js';
import type { CreateSessionOptions } from './session-types.js';

/** How often the guest may change its data between the look at it and its end. */
const MAX_ATTEMPTS = 20;

interface TakeoverParts {
  readonly repository: SessionRepository;
  readonly dataStore: SessionDataStore;
}

/** The session that a login has made, and whose token nobody has yet. */
interface NewSession {
  readonly proof: TokenProof;
  readonly session: Session;
}

type LoginData = Pick<CreateSessionOptions, 'from' | 'data' | 'merge'>;

/**
 * What a login takes over from a guest. The two may be on different Cluster slots, so that no one step of storage does it:
 *
 * 1. The guest's data is read.
 * 2. The new session is made with it. If that is refused or fails, the guest is as it was.
 * 3. The guest is ended if its data is still what was read. Of all logins one does that; the others take the guest's data
 *    out of their new sessions again, before anybody can have seen it there.
 *
 * A crash after the second step leaves the guest, and a session with a copy of its data whose token nobody has.
 */
export class GuestTakeover {
  private constructor(
    private readonly parts: TakeoverParts,
    private readonly guest: TokenProof,
    private readonly login: LoginData,
    private guestData: StoredData,
  ) {}

  /** Whether storage has been asked to end the guest, and has not answered. */
  private isEnding = false;

  /**
   * @returns `undefined` where there is no guest, or no longer: the login goes on without
   * @throws TypeError for the session of a user
   */
  static async begin(parts: TakeoverParts, login: LoginData): Promise<GuestTakeover | undefined> {
    const guest = proofOf(login.from);
    const guestData = guest && (await parts.repository.data.read(guest));
    return guestData && new GuestTakeover(parts, guest, login, guestData);
  }

  /** What the new session's data begins with. @throws SessionError `bad_request`, `too_large`; whatever `merge` throws */
  payloadFor(proof: TokenProof): Buffer | undefined {
    const { dataStore } = this.parts;
    const { data, merge = loginWins } = this.login;
    if (this.guestData.version === 0) return data && dataStore.payloadOf(data, proof);
    const guestData = dataStore.open(this.guestData, this.guest);
    const merged = merge(guestData, copyOfObject(data ?? {}));
    return dataStore.payloadOf(object(merged, 'what merge returns'), proof);
  }

  /**
   * Ends the guest. Its data is in the new session then, or was another login's.
   * @param payload what the new session's data began with
   * @throws SessionError as storage does: the guest has its data still, or the new session, whose token nobody gets, may have
   * it; `version_conflict` when the guest's data changes all the time
   */
  async finish(made: NewSession, payload: Buffer | undefined): Promise<void> {
    try {
      await this.endGuest(made, payload);
    } catch (error) {
      // A guest that may have been ended leaves its data there and nowhere else. Otherwise nobody is to have a copy.
      if (!this.isEnding || !mayHaveRun(error)) await this.withdraw(made);
      throw error;
    }
  }

  private async endGuest({ proof, session }: NewSession, payload: Buffer | undefined): Promise<void> {
    let version = payload ? session.createdAt : 0;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      this.isEnding = true;
      const ended = await this.parts.repository.data.end({
        proof: this.guest,
        ifVersion: this.guestData.version,
      });
      this.isEnding = false;
      if (ended.outcome === 'ended') return;
      this.guestData = ended.outcome === 'refused' ? NO_DATA : ended.current;
      version = await this.write(proof, version);
      if (ended.outcome === 'refused') return;
    }
    throw new SessionError('version_conflict', { detail: 'The data of the guest changes too often' });
  }

  /** Brings the new session's data in step with the guest's. @returns its version */
  private async write(proof: TokenProof, ifVersion: number): Promise<number> {
    const { repository, dataStore } = this.parts;
    const payload = this.payloadFor(proof) ?? (ifVersion === 0 ? undefined : dataStore.payloadOf({}, proof));
    if (!payload) return ifVersion;
    const written = await repository.data.write({ proof, ifVersion, payload, isSameContent: false });
    if (written.outcome === 'written') return written.version;
    throw new SessionError('session_revoked', { detail: 'The session was ended during the login' });
  }

  private async withdraw({ session }: NewSession): Promise<void> {
    const { userId, id } = session;
    await this.parts.repository.revoke(userId, id, 'revoked').catch(() => undefined);
  }
}

function loginWins(guest: object, login: object): object {
  return { ...guest, ...login };
}

/** @returns `undefined` for what opens no guest's session: a client may have sent it */
function proofOf(from: LoginData['from']): TokenProof | undefined {
  if (from === undefined) return undefined;
  if (typeof from === 'string') return parseGuestToken(from);
  const { isGuest } = object(from, 'options.from') as Session;
  if (isGuest !== true) throw wrong('options.from', "a token, or a guest's session", from);
  return credentialOf(from);
}
