import { privateSlot } from '../../basics/private-slot.js';
import { fieldsOf, type Inputs, version } from '../../basics/inputs.js';
import type { JsonObject, JsonValue, StoredData } from '../../model/session-data.js';
import type { Session } from '../../model/session.js';
import type { TokenProof } from '../../storage/contract/session-repository.js';
import { assertKey, copyOf, copyOfObject, type MutableJsonObject, unfit } from './json.js';
import type { SessionDataStore } from './session-data-store.js';

/** The data of a session at one moment. @publicApi */
export interface SessionDataState<T extends object = JsonObject> {
  readonly data: Partial<T>;
  /** Grows with every change; 0 for data that nobody has written. */
  readonly version: number;
}

/** Options of the methods of `SessionDataHandle` that change data. @publicApi */
export interface DataChangeOptions {
  /**
   * Change only data of this version; otherwise `version_conflict`.
   * @defaultValue any version
   */
  readonly ifVersion?: number;
}

/** The changes that `merge` makes; `undefined` deletes. @publicApi */
export type DataPatch<T extends object> = { readonly [K in keyof T]?: T[K] | undefined };

/**
 * What an app keeps in one session: a JSON object, typed by the app (`sessions.data<Cart>(session)`). Every key may be
 * absent, whatever the type says, and `undefined` is absence.
 *
 * A change is made to the newest data and written only if no other came in between, else it is made again: two tabs
 * that change different keys lose nothing. It is written only while the session is live and the token of this request
 * its current one. After `session_store_unavailable`, a change may have been made or not.
 *
 * Every method rejects with `SessionError`: `session_revoked` when the session has ended or its token was replaced
 * meanwhile, `session_store_unavailable` also for data that does not open with the option `sessionData.keys`, and
 * changes with `bad_request` for what is no JSON or has a key `__proto__`, with `too_large` beyond
 * `sessionData.maxBytes`, and with `version_conflict` when 50 others came first.
 * @publicApi
 */
export class SessionDataHandle<T extends object = JsonObject> {
  /** @internal */
  constructor(
    private readonly store: SessionDataStore,
    private readonly proof: TokenProof,
    private latest: StoredData | undefined,
  ) {}

  /**
   * All of it, or the value of one key: as it came with the check (`@SessionData()` on the handler), or as this handle
   * has last seen it; asks the repository only where neither is.
   */
  get(): Promise<Partial<T>>;
  get<K extends keyof T & string>(key: K): Promise<T[K] | undefined>;
  async get(key?: string): Promise<unknown> {
    if (key !== undefined) assertKey(key);
    const data = this.seen() ?? (await this.read()).data;
    return key === undefined ? data : data[key as keyof typeof data];
  }

  /** As it is now: always asks the repository. */
  async read(): Promise<SessionDataState<T>> {
    this.latest = await this.store.read(this.proof);
    return { data: this.seen() as Partial<T>, version: this.latest.version };
  }

  /** Sets one key; `undefined` deletes it. */
  async set<K extends keyof T & string>(
    key: K,
    value: T[K] | undefined,
    options?: DataChangeOptions,
  ): Promise<SessionDataState<T>> {
    const copy = copyOfValue(key, value);
    return this.change((data) => put(data, key, copy), options);
  }

  /** Sets the keys of `patch`, whole values each; `undefined` deletes one, `null` is a value like others. */
  async merge(patch: DataPatch<T>, options?: DataChangeOptions): Promise<SessionDataState<T>> {
    const copy = copyOfObject(patch);
    const deleted = Object.keys(patch).filter((key) => !(key in copy));
    return this.change((data) => {
      for (const key of deleted) put(data, key, undefined);
      for (const [key, value] of Object.entries(copy)) put(data, key, value);
    }, options);
  }

  async delete(key: keyof T & string, options?: DataChangeOptions): Promise<SessionDataState<T>> {
    assertKey(key);
    return this.change((data) => put(data, key, undefined), options);
  }

  /**
   * Adds to a number, 0 where there is none. Exact under parallel calls on any number of nodes.
   * @returns the sum
   * @throws SessionError `bad_request` when the value is no number, or the sum no safe integer
   */
  async increment(key: keyof T & string, by = 1): Promise<number> {
    assertKey(key);
    if (!Number.isSafeInteger(by)) throw unfit(`data.${key}`, 'would be no safe integer');
    let sum = NaN;
    await this.change((data) => {
      const value = key in data ? data[key] : 0;
      if (!Number.isSafeInteger(value)) throw unfit(`data.${key}`, 'is no whole number');
      sum = (value as number) + by;
      if (!Number.isSafeInteger(sum)) throw unfit(`data.${key}`, 'would be no safe integer');
      data[key] = sum;
    });
    return sum;
  }

  /** What has been seen, freshly unpacked; `undefined` when nothing has. @internal */
  seen(): Partial<T> | undefined {
    return this.latest && (this.store.open(this.latest, this.proof) as Partial<T>);
  }

  private async change(
    apply: (data: MutableJsonObject) => void,
    options: DataChangeOptions = {},
  ): Promise<SessionDataState<T>> {
    const { ifVersion } = fieldsOf(options, 'options', CHANGE);
    const { data, stored } = await this.store.change(this.proof, { apply, ifVersion }, this.latest);
    if (stored.version > (this.latest?.version ?? 0)) this.latest = stored;
    return { data: data as Partial<T>, version: stored.version };
  }
}

const CHANGE: Inputs<DataChangeOptions> = { ifVersion: version };

/** Beside the session object, so that it goes where that goes. */
const handles = privateSlot<SessionDataHandle>();

/** The one handle of a session object; `undefined` before there was any. */
export function handleOf(session: Session): SessionDataHandle | undefined {
  return handles.get(session);
}

export function keepHandle(session: Session, handle: SessionDataHandle): SessionDataHandle {
  handles.set(session, handle);
  return handle;
}

function copyOfValue(key: unknown, value: unknown): JsonValue | undefined {
  assertKey(key);
  return value === undefined ? undefined : copyOf(value, `data.${key}`);
}

/** One of the copies made for this change: what the app does to its own value meanwhile does not count. */
function put(data: MutableJsonObject, key: string, value: JsonValue | undefined): void {
  if (value === undefined) delete data[key];
  else data[key] = value;
}
