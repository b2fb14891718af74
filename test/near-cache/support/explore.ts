import { type Budget, World } from './world.js';

export interface Explored {
  /** How many that are not like one another. */
  readonly states: number;
  /** What went wrong first, and the moves that led there. */
  readonly violation?: string;
}

/** More would not be all in the time that a test has. */
const MOST_STATES = 500_000;

/**
 * Makes every move in every order, once from each state that is not like one before. Ends at the first violation.
 * @param first moves that are made before all others
 */
export async function explore(budget: Budget, first: readonly string[] = []): Promise<Explored> {
  const seen = new Set<string>();
  const open: (readonly string[])[] = [first];
  for (let plays = 0, path = open.pop(); path; plays++, path = open.pop()) {
    const moves = [...path];
    const world = await World.create(budget);
    for (const move of path) await world.make(move);
    while (!world.violation && isNew(seen, world)) {
      const [next, ...others] = world.moves();
      if (next === undefined) break;
      for (const other of others) open.push([...moves, other]);
      moves.push(next);
      await world.make(next);
    }
    if (!world.violation) {
      moves.push('…');
      await (plays % 2 === 0 ? world.end() : world.endUnheard());
    }
    if (world.violation) return { states: seen.size, violation: `${world.violation}: ${moves.join(' · ')}` };
  }
  return { states: seen.size };
}

function isNew(seen: Set<string>, world: World): boolean {
  const { size } = seen;
  if (size > MOST_STATES) throw new RangeError(`There are more than ${MOST_STATES} states`);
  return seen.add(world.key()).size > size;
}
