import { SessionError } from '../../model/session-error.js';
import type { LoadFirst } from '../../storage/contract/session-repository.js';

/** A load of a user from the app's own database. @returns `undefined` for one who is not to be found */
export type UserLoad = (userId: string) => Promise<object | undefined>;

export function isLoad(answer: object): answer is LoadFirst {
  return 'kind' in answer && answer.kind === 'load';
}

/**
 * What the repository answers after the load that it asked for.
 * @returns `undefined` when the user is not to be found
 * @throws SessionError `session_store_unavailable` when one load after another is too old
 */
export async function askAfterLoad<T extends object>(
  { userId }: LoadFirst,
  ask: () => Promise<T | LoadFirst>,
  load: UserLoad,
): Promise<T | undefined> {
  if (!(await load(userId))) return undefined;
  const again = await ask();
  if (isLoad(again)) throw new SessionError('session_store_unavailable');
  return again;
}
