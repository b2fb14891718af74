import { useEffect, useState } from 'preact/hooks';
import { ApiError } from '../state/api.js';
import type { Problem } from '../state/types.js';
import { text } from '../text.js';

export interface Work {
  readonly isBusy: boolean;
  readonly problem: Problem | undefined;
  /** Runs it, unless it runs already. @returns whether it succeeded */
  run(task: () => Promise<unknown>): Promise<boolean>;
  clear(): void;
}

/** Something that a person has asked for: whether it is under way, and how it was refused. */
export function useWork(): Work {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  return {
    isBusy,
    problem,
    clear: () => setProblem(undefined),
    run: async (task) => {
      if (isBusy) return false;
      setBusy(true);
      setProblem(undefined);
      try {
        await task();
        return true;
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        setProblem(error.problem);
        return false;
      } finally {
        setBusy(false);
      }
    },
  };
}

/** Loads when the screen opens, and again by `reload`. */
export function useLoaded<T>(load: () => Promise<T>): {
  readonly value: T | undefined;
  readonly problem: Problem | undefined;
  reload(): void;
} {
  const [value, setValue] = useState<T>();
  const work = useWork();
  const reload = (): void => void work.run(async () => setValue(await load()));
  useEffect(reload, []);
  return { value, problem: work.problem, reload };
}

/** A problem in words. */
export function describe({ status, detail, errors }: Problem): string {
  if (errors?.length) return errors.map(({ field, message }) => `${field} ${message}`).join('; ');
  return status === 0 || !detail ? text.failed : detail;
}

/** What a problem says of one field. */
export function errorOf(problem: Problem | undefined, field: string): string | undefined {
  return problem?.errors?.find((error) => error.field === field)?.message;
}
