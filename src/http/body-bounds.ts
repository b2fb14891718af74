import { Problem } from '../problem/problem.js';

interface Bounds {
  /** How deep objects and lists may be nested. */
  readonly levels: number;
  /** How many keys and elements there may be in all. */
  readonly parts: number;
}

/**
 * Looks at what was sent level by level, and stops at the bounds.
 * @throws Problem `bad_request` for what is beyond them
 */
export function assertBounded(body: unknown, { levels, parts }: Bounds): void {
  let level = [body];
  let seen = 0;
  for (let depth = 0; level.length > 0; depth++) {
    const containers = level.filter((value) => typeof value === 'object' && value !== null);
    if (containers.length > 0 && depth === levels)
      throw new Problem('bad_request', 'The body is nested too deeply', []);
    level = containers.flatMap((value) => Object.values(value) as unknown[]);
    seen += level.length;
    if (seen > parts) throw new Problem('bad_request', 'The body has too many keys and elements', []);
  }
}
