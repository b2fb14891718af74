import { useEffect, useRef, useState } from 'preact/hooks';
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

/** An act that a person has asked for: whether it is under way, and how it was refused. */
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
        setProblem(problemOf(error));
        return false;
      } finally {
        setBusy(false);
      }
    },
  };
}

export interface Reading {
  readonly isBusy: boolean;
  readonly problem: Problem | undefined;
  /** Asks, also while an earlier question is under way: only the newest one's answer is taken. */
  read<T>(ask: () => Promise<T>, take: (answer: T) => void): void;
}

/**
 * Something to be read. Unlike an act it never waits for the one before it: whoever asks while a screen still
 * loads means the new question.
 */
export function useReading(): Reading {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const newest = useRef(0);
  const read = async <T>(ask: () => Promise<T>, take: (answer: T) => void): Promise<void> => {
    const mine = ++newest.current;
    setBusy(true);
    setProblem(undefined);
    try {
      const answer = await ask();
      if (mine === newest.current) take(answer);
    } catch (error) {
      if (mine === newest.current) setProblem(problemOf(error));
    } finally {
      if (mine === newest.current) setBusy(false);
    }
  };
  return { isBusy, problem, read: (ask, take) => void read(ask, take) };
}

/** Loads when the screen opens, and again by `reload`. */
export function useLoaded<T>(load: () => Promise<T>): {
  readonly value: T | undefined;
  readonly problem: Problem | undefined;
  reload(): void;
} {
  const [value, setValue] = useState<T>();
  const reading = useReading();
  const reload = (): void => reading.read(load, (answer) => setValue(answer));
  useEffect(reload, []);
  return { value, problem: reading.problem, reload };
}

/** @throws what is no refusal of the API */
function problemOf(error: unknown): Problem {
  if (error instanceof ApiError) return error.problem;
  throw error;
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
