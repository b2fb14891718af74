import type { JsonObject, StoredData } from '../../model/session-data.js';
import { SessionError } from '../../model/session-error.js';
import type { SessionDataRepository } from '../../storage/contract/session-data-repository.js';
import type { TokenProof } from '../../storage/contract/session-repository.js';
import type { SessionDataSettings } from '../../options/settings.js';
import type { DataPlace } from '../../rules/data-sealer.js';
import { copyOfObject, emptyObject, parseObject } from './json.js';
import { applyAll, type PendingChange, settle } from './pending-change.js';

/** What nobody has written yet. */
export const NO_DATA: StoredData = { version: 0, payload: Buffer.alloc(0) };
/** How often a change is tried anew because somebody else's came first. */
const MAX_ATTEMPTS = 50;
const COMPLAIN_AGAIN_AFTER_MS = 10_000;

/**
 * Reads and changes the data of sessions. A change is made to the newest version and written only if that is still the
 * newest. Changes of one session that come at the same time go out together: those of one process do not contend with
 * each other, and none waits for more than one that is under way.
 */
export class SessionDataStore {
  /** By the proof of the session: changes that wait for the write that is under way. */
  private readonly queues = new Map<string, PendingChange[]>();
  private readonly sealedAnew = new WeakSet<StoredData>();
  private complainedAt = -Infinity;

  constructor(
    private readonly repository: SessionDataRepository,
    private readonly settings: SessionDataSettings,
    private readonly log: (line: string) => void,
  ) {}

  /** What the data of a new session is kept as. @throws SessionError `bad_request`, `too_large` */
  payloadOf(data: object, place: DataPlace): Buffer {
    return this.settings.sealer.seal(this.textOf(copyOfObject(data)), place);
  }

  /** @throws SessionError `session_revoked` */
  async read(proof: TokenProof): Promise<StoredData> {
    const stored = await this.repository.read(proof);
    if (!stored) throw new SessionError('session_revoked');
    return stored;
  }

  /**
   * What the stored payload says. Data that is not sealed with the first key is then sealed anew in the background, so
   * that an older key can be retired.
   * @throws SessionError `session_store_unavailable` when it does not open
   */
  open(stored: StoredData, proof: TokenProof): JsonObject {
    const { data, isOutdated } = this.opened(stored, proof);
    if (isOutdated && !this.sealedAnew.has(stored)) {
      this.sealedAnew.add(stored);
      void this.sealAnew(stored, data, proof);
    }
    return data;
  }

  /**
   * Makes a change and writes it.
   * @param known what was seen last, if anything: saves a call when it is still the newest
   */
  change(
    proof: TokenProof,
    change: Pick<PendingChange, 'apply' | 'ifVersion'>,
    known: StoredData | undefined,
  ): Promise<{ readonly data: JsonObject; readonly stored: StoredData }> {
    return new Promise((resolve, reject) => {
      const pending = { ...change, resolve, reject };
      const key = proof.userRef + proof.sessionId + proof.tokenHash.toString('latin1');
      const queue = this.queues.get(key);
      if (queue) {
        queue.push(pending);
      } else {
        const queue = [pending];
        this.queues.set(key, queue);
        void this.work(key, { queue, proof, known });
      }
    });
  }

  private async work(
    key: string,
    {
      queue,
      proof,
      known,
    }: {
      readonly queue: PendingChange[];
      readonly proof: TokenProof;
      readonly known: StoredData | undefined;
    },
  ): Promise<void> {
    let batch: PendingChange[] = [];
    try {
      for (let base = known; queue.length > 0;) {
        batch = queue.splice(0);
        base = await this.write(batch, proof, base);
      }
    } catch (error) {
      // Those that wait would only wait for the same thing again.
      for (const { reject } of [...batch, ...queue.splice(0)]) reject(error);
    } finally {
      this.queues.delete(key); // with no await since the queue was found empty: nobody can have joined it
    }
  }

  /** @returns the newest data that is known after it */
  private async write(
    batch: readonly PendingChange[],
    proof: TokenProof,
    known: StoredData | undefined,
  ): Promise<StoredData> {
    // With nothing known, none is guessed: what is there comes back with the refusal.
    let base = known ?? NO_DATA;
    let isNewest = false;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const { version } = base;
      const { data } = this.opened(base, proof);
      const applied = applyAll(batch, { data, version }, (changed) => this.textOf(changed));
      if (applied.text === undefined) {
        if (isNewest) {
          settle(batch, applied.outcomes, base);
          return base;
        }
        // Refused by what may no longer be so.
        base = await this.read(proof);
        isNewest = true;
        continue;
      }
      const payload = this.settings.sealer.seal(applied.text, proof);
      const written = await this.repository.write({
        proof,
        ifVersion: version,
        payload,
        isSameContent: false,
      });
      if (written.outcome === 'refused') throw new SessionError('session_revoked');
      if (written.outcome === 'written') {
        const stored = { version: written.version, payload };
        settle(batch, applied.outcomes, stored);
        return stored;
      }
      base = written.current;
      isNewest = true;
    }
    throw new SessionError('version_conflict', { detail: 'The session data is being changed too often' });
  }

  private opened({ version, payload }: StoredData, place: DataPlace) {
    if (version === 0) return { data: emptyObject(), isOutdated: false };
    try {
      const { text, isOutdated } = this.settings.sealer.open(payload, place);
      return { data: parseObject(text), isOutdated };
    } catch (error) {
      // What a parser says would quote the text.
      const isUnreadable = error instanceof SyntaxError || error instanceof SessionError;
      const problem = isUnreadable ? 'is no JSON object' : (error as Error).message;
      this.complain(`The data of session ${place.sessionId} ${problem}`);
      throw new SessionError('session_store_unavailable', { cause: new Error(`Session data ${problem}`) });
    }
  }

  private async sealAnew({ version }: StoredData, data: JsonObject, proof: TokenProof): Promise<void> {
    const payload = this.settings.sealer.seal(JSON.stringify(data), proof);
    // If it does not work now, the next reader does it.
    await this.repository
      .write({ proof, ifVersion: version, payload, isSameContent: true })
      .catch(() => undefined);
  }

  private textOf(data: JsonObject): string {
    const text = JSON.stringify(data);
    const { maxBytes } = this.settings;
    if (Buffer.byteLength(text) <= maxBytes) return text;
    throw new SessionError('too_large', { detail: `The data of a session may have ${maxBytes} bytes` });
  }

  private complain(line: string): void {
    const now = performance.now();
    if (now - this.complainedAt < COMPLAIN_AGAIN_AFTER_MS) return;
    this.complainedAt = now;
    this.log(line);
  }
}
