import type { ComponentChildren, JSX } from 'preact';
import type { Problem } from '../state/types.js';
import { describe } from './work.js';

/** Told to everybody at once, screen readers included. */
export function Notice({
  kind,
  title,
  children,
}: {
  readonly kind: 'good' | 'bad' | 'warn' | 'info';
  readonly title?: string;
  readonly children?: ComponentChildren;
}): JSX.Element {
  return (
    <div class={`notice ${kind}`} role={kind === 'bad' || kind === 'warn' ? 'alert' : 'status'}>
      {title && <strong>{title}</strong>}
      {children}
    </div>
  );
}

/** @param fields those that show their errors themselves */
export function ProblemNotice({
  problem,
  fields = [],
}: {
  readonly problem: Problem | undefined;
  readonly fields?: readonly string[];
}): JSX.Element | null {
  const isShown = problem?.errors?.length && problem.errors.every(({ field }) => fields.includes(field));
  return problem && !isShown ? <Notice kind="bad">{describe(problem)}</Notice> : null;
}
