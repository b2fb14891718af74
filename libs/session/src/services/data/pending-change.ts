import type { JsonObject, StoredData } from '../../model/session-data.js';
import { SessionError } from '../../model/session-error.js';
import { copyOfObject, emptyObject, type MutableJsonObject } from './json.js';

/** A change that somebody waits for. */
export interface PendingChange {
  /** Changes the copy that it is given; replaces values, and changes none of them inside. */
  readonly apply: (data: MutableJsonObject) => void;
  /** Only if the data is of this version. */
  readonly ifVersion: number | undefined;
  readonly resolve: (changed: { readonly data: JsonObject; readonly stored: StoredData }) => void;
  readonly reject: (error: unknown) => void;
}

type Outcome = { readonly data: JsonObject } | { readonly error: unknown };

/**
 * Changes made one after the other; one that fails leaves the others alone.
 * @param textOf throws for data that must not be
 * @returns how each of them ended; `text`: what is to be written, absent when no change succeeded
 */
export function applyAll(
  changes: readonly PendingChange[],
  from: { readonly data: JsonObject; readonly version: number },
  textOf: (data: JsonObject) => string,
): { readonly outcomes: readonly Outcome[]; readonly text: string | undefined } {
  let { data } = from;
  let text: string | undefined;
  const outcomes = changes.map(({ apply, ifVersion }): Outcome => {
    try {
      const isOther = ifVersion !== undefined && ifVersion !== from.version;
      // Of the version that the first of them makes, nobody knows yet.
      if (isOther || (ifVersion !== undefined && text !== undefined)) throw conflict();
      const changed = Object.assign(emptyObject(), data);
      apply(changed);
      text = textOf(changed);
      data = changed;
      return { data };
    } catch (error) {
      return { error };
    }
  });
  return { outcomes, text };
}

/** Tells everybody how it ended. Each gets a copy of the data to do with as they like. */
export function settle(
  changes: readonly PendingChange[],
  outcomes: readonly Outcome[],
  stored: StoredData,
): void {
  changes.forEach(({ resolve, reject }, i) => {
    const outcome = outcomes[i];
    if (outcome && 'data' in outcome) resolve({ data: copyOfObject(outcome.data), stored });
    else reject(outcome?.error);
  });
}

function conflict(): SessionError {
  return new SessionError('version_conflict', { detail: 'The session data was changed by somebody else' });
}
