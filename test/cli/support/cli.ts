import { runLatchkey, type Terminal } from '@latchkey/session/cli';

export interface Done {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** What was asked on the terminal. */
  readonly questions: readonly string[];
}

/**
 * Runs a command as the program does, and tells what it wrote.
 * @param answers what a person types; without any there is no terminal
 */
export async function cli(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  answers?: readonly string[],
  load: Terminal['load'] = () => Promise.reject(new Error('Not in this test')),
): Promise<Done> {
  const [out, err, questions]: [string[], string[], string[]] = [[], [], []];
  const terminal: Terminal = {
    out: (text) => void out.push(text),
    err: (text) => void err.push(text),
    env,
    cwd: process.cwd(),
    user: 'olga',
    load,
    ...(answers
      ? {
          ask: (question: string) => {
            questions.push(question);
            return Promise.resolve(answers[questions.length - 1] ?? '');
          },
        }
      : {}),
  };
  const code = await runLatchkey(args, terminal);
  expect([0, 1, 2]).toContain(code);
  return { code, out: out.join(''), err: err.join(''), questions };
}
