import type { JsonWebKey, KeyObject } from 'node:crypto';
import type { Clock } from '../basics/clock.js';
import { withDeadline } from '../basics/deadline.js';
import { SessionError } from '../model/session-error.js';
import { fail } from '../rules/option-rules.js';
import type { JsonWebKeySet, JwtAlgorithm, TrustedKeys } from '../options/jwt-options.js';
import { readKeys, type SigningKey } from './signing-key.js';

const REREAD_MS = 60_000;
/** After a failure, and for a `kid` that is not known: whoever makes up `kid`s must not keep the app's keys busy. */
const RETRY_MS = 5_000;
const FETCH_MS = 10_000;
/** How long a request waits for that before it goes on with the keys that are there. */
const PATIENCE_MS = 100;

interface KeyRingParts {
  /** The option's name, for errors. */
  readonly option: string;
  readonly algorithm: JwtAlgorithm;
  readonly keys: TrustedKeys;
  /** Refuse a ring without a key that can sign. */
  readonly mustSign: boolean;
  readonly clock: Clock;
  readonly log: (line: string) => void;
}

/** Keys that come and go by schedule: the newest active one signs, all that are not retired verify. */
export class KeyRing {
  private keys = new Map<string, SigningKey>();
  private readAt = -Infinity;
  private triedAt = -Infinity;
  private reading: Promise<void> | undefined;

  private constructor(private readonly parts: KeyRingParts) {}

  /** @throws SessionConfigurationError when the keys cannot be used */
  static async open(parts: KeyRingParts): Promise<KeyRing> {
    const ring = new KeyRing(parts);
    await ring.read();
    return ring;
  }

  /** @throws SessionError `session_store_unavailable` when every key that could sign is retired */
  async signer(): Promise<{ readonly kid: string; readonly key: KeyObject }> {
    await this.refresh(REREAD_MS);
    const { kid, signs } = newestSigner(this.keys, this.parts.clock.now()) ?? {};
    if (kid !== undefined && signs) return { kid, key: signs };
    throw new SessionError('session_store_unavailable', {
      cause: new Error(`${this.parts.option} has no key that signs now`),
    });
  }

  /** The key to verify with; `undefined` for a `kid` that is unknown or retired. */
  async verifier(kid: string): Promise<KeyObject | undefined> {
    await this.refresh(this.keys.has(kid) ? REREAD_MS : RETRY_MS);
    const key = this.keys.get(kid);
    return key && this.parts.clock.now() < key.retiredAt ? key.verifies : undefined;
  }

  /** Public keys only, those that will sign later among them; a shared secret is never one. */
  async publicKeys(): Promise<JsonWebKey[]> {
    await this.refresh(REREAD_MS);
    const { algorithm, clock } = this.parts;
    return [...this.keys.values()]
      .filter(({ verifies, retiredAt }) => verifies.type === 'public' && clock.now() < retiredAt)
      .map(({ kid, verifies }) => ({
        ...verifies.export({ format: 'jwk' }),
        kid,
        alg: algorithm,
        use: 'sig',
      }));
  }

  /** Has the keys read again if those that are there are older. What fails is logged, and tried again later. */
  private async refresh(maxAgeMs: number): Promise<void> {
    if (typeof this.parts.keys !== 'function') return;
    const now = this.parts.clock.now();
    if (!this.reading && now - this.readAt >= maxAgeMs && now - this.triedAt >= RETRY_MS) {
      this.reading = this.read()
        .catch((error: unknown) =>
          this.parts.log(
            `The keys could not be read again, so the earlier ones stay in use: ${String(error)}`,
          ),
        )
        .finally(() => (this.reading = undefined));
    }
    if (this.reading) await withDeadline(this.reading, PATIENCE_MS).catch(() => undefined);
  }

  private async read(): Promise<void> {
    const { option, algorithm, keys, mustSign, clock } = this.parts;
    this.triedAt = clock.now();
    const given = typeof keys === 'function' ? await withDeadline(fetch(keys), FETCH_MS, option) : keys;
    const read = readKeys(option, algorithm, given);
    const ring = new Map(read.map((key) => [key.kid, key]));
    if (mustSign && !newestSigner(ring, clock.now()))
      fail(option, 'has no key that signs now: give one a privateKey or secret, active and not retired');
    this.keys = ring;
    this.readAt = clock.now();
  }
}

function newestSigner(keys: ReadonlyMap<string, SigningKey>, now: number): SigningKey | undefined {
  return [...keys.values()]
    .filter(({ signs, activeAt, retiredAt }) => signs && activeAt <= now && now < retiredAt)
    .reduce<SigningKey | undefined>(
      (newest, key) => (newest && newest.activeAt >= key.activeAt ? newest : key),
      undefined,
    );
}

/** Also what throws becomes a rejection. */
async function fetch(keys: Exclude<TrustedKeys, readonly unknown[] | JsonWebKeySet>) {
  return keys();
}
