// A lock between processes, held by files numbered 1, 2, 3, … in a folder. The highest number holds the lock; its file
// names the owner and is empty when the owner is done. Who finds it empty, or its owner dead, creates the next number:
// only one process can, so a stale lock is taken over once. Deleting the dead owner's file instead would be a race.
import { linkSync, mkdirSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 100;

/** Waits for the lock in `folder`; resolves with its number, unique among all holders, and how to release it. */
export async function acquireLock(folder) {
  mkdirSync(folder, { recursive: true });
  const self = describeProcess(process.pid);
  const draft = join(folder, `draft-${process.pid}`);
  for (;;) {
    const highest = highestNumber(folder);
    if (highest > 0 && isHeld(join(folder, fileName(highest)))) {
      await sleep(POLL_MS);
      continue;
    }
    const number = highest + 1;
    const file = join(folder, fileName(number));
    writeFileSync(draft, self);
    const created = createExclusively(draft, file);
    rmSync(draft, { force: true });
    if (!created) continue;
    if (highestNumber(folder) !== number) {
      rmSync(file, { force: true }); // we had read an old state: the number was used and cleared away meanwhile
      continue;
    }
    for (let old = number - 1; old > 0; old -= 1) {
      try {
        rmSync(join(folder, fileName(old)));
      } catch {
        break;
      }
    }
    return { number, release: () => truncateSync(file) };
  }
}

const fileName = (number) => `lock-${number}`;

function highestNumber(folder) {
  const numbers = readdirSync(folder).map((name) => Number(/^lock-(\d+)$/.exec(name)?.[1] ?? 0));
  return Math.max(0, ...numbers);
}

// A link appears with its content in it, all at once; a file opened with O_EXCL is empty for a moment.
function createExclusively(draft, file) {
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function isHeld(file) {
  let owner;
  try {
    owner = readFileSync(file, 'utf8');
  } catch {
    return false; // a newer holder has cleared it away
  }
  return owner !== '' && describeProcess(Number(owner.split(' ')[0])) === owner;
}

// The start time tells a process from a later one with the same pid, where /proc tells it.
function describeProcess(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code !== 'EPERM') return undefined;
  }
  try {
    const afterName = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1);
    const [state, startedAt] = [afterName.split(' ')[0], afterName.split(' ')[19]];
    return state === 'Z' ? undefined : `${pid} ${startedAt}`;
  } catch {
    return `${pid} -`;
  }
}
