import { parseArgs } from 'node:util';
import { SessionConfigurationError, SessionError } from '../model/session-error.js';
import { Acts } from './acts.js';
import { bench } from './bench.js';
import { examine } from './doctor/doctor.js';
import { showManifest } from './manifest.js';
import { listSessions, readAudit, reportText } from './reading.js';
import { type Services, withServices } from './services.js';
import { type CliSettings, readSettings } from './settings.js';
import {
  EXIT,
  type ExitCode,
  jsonLine,
  printable,
  type Terminal,
  UsageError,
  withoutSecrets,
} from './terminal.js';

/** Every flag there is; a command takes some of them. */
const FLAGS = {
  config: { type: 'string' },
  redis: { type: 'string' },
  prefix: { type: 'string' },
  timeout: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  yes: { type: 'boolean', short: 'y' },
  as: { type: 'string' },
  reason: { type: 'string' },
  for: { type: 'string' },
  until: { type: 'string' },
  user: { type: 'string' },
  limit: { type: 'string' },
  before: { type: 'string' },
  compare: { type: 'string' },
  seconds: { type: 'string' },
} as const;

type Flag = keyof typeof FLAGS;
type Flags = { readonly [Name in Flag]?: (typeof FLAGS)[Name]['type'] extends 'string' ? string : boolean };

interface Call {
  readonly flags: Flags & { readonly json: boolean; readonly yes: boolean };
  readonly args: readonly string[];
  readonly terminal: Terminal;
  /** The options, read when they are needed. */
  readonly settings: () => Promise<CliSettings>;
}

interface Command {
  readonly usage: string;
  readonly says: string;
  readonly args: readonly [least: number, most: number];
  readonly flags: readonly Flag[];
  readonly run: (call: Call) => Promise<ExitCode>;
}

const OPTIONS: readonly Flag[] = ['config', 'redis', 'prefix', 'timeout', 'json', 'help'];
const ACT: readonly Flag[] = [...OPTIONS, 'yes', 'as'];

const act = (run: (acts: Acts, call: Call) => Promise<ExitCode>) => (call: Call) =>
  withServicesOf(call, (services) => run(new Acts(services, call.terminal), call));

const COMMANDS: Readonly<Record<string, Command>> = {
  doctor: {
    usage: 'doctor',
    says: 'Looks at Redis from this machine. Exit code: 0 all well, 1 warnings, 2 faults',
    args: [0, 0],
    flags: OPTIONS,
    run: runDoctor,
  },
  sessions: {
    usage: 'sessions USER',
    says: "A user's state and live sessions",
    args: [1, 1],
    flags: OPTIONS,
    run: (call) => withServicesOf(call, (services) => listSessions(services, call)),
  },
  block: {
    usage: 'block USER --reason TEXT [--for 1h | --until INSTANT]',
    says: 'Refuses a user from now on and ends all sessions',
    args: [1, 1],
    flags: [...ACT, 'reason', 'for', 'until'],
    run: act((acts, { args: [user = ''], flags }) => acts.block(user, flags)),
  },
  unblock: {
    usage: 'unblock USER',
    says: 'Lifts a block',
    args: [1, 1],
    flags: ACT,
    run: act((acts, { args: [user = ''], flags }) => acts.unblock(user, flags)),
  },
  revoke: {
    usage: 'revoke USER [SESSION]',
    says: 'Ends one session of a user, or all',
    args: [1, 2],
    flags: ACT,
    run: act((acts, { args: [user = '', session], flags }) =>
      session === undefined ? acts.revokeAll(user, flags) : acts.revokeOne(user, session, flags),
    ),
  },
  audit: {
    usage: 'audit [--user USER] [--limit 50] [--before ID]',
    says: 'Who did what to whom, newest first',
    args: [0, 0],
    flags: [...OPTIONS, 'user', 'limit', 'before'],
    run: (call) => withServicesOf(call, (services) => readAudit(services, call)),
  },
  manifest: {
    usage: 'manifest FILE [--compare OTHER]',
    says: 'A policy manifest as a table, or what changes in another one (then the exit code is 1)',
    args: [1, 1],
    flags: ['json', 'help', 'compare'],
    run: ({ args: [file = ''], flags, terminal }) => showManifest(file, flags, terminal),
  },
  bench: {
    usage: 'bench [--seconds 4]',
    says: 'What a check costs on this machine and Redis, beside a PING',
    args: [0, 0],
    flags: [...OPTIONS, 'seconds'],
    run: async ({ settings, flags, terminal }) => bench(await settings(), flags, terminal),
  },
};

/**
 * Runs one command of the tool `latchkey`.
 * @param args what stands behind the name of the program
 * @returns the exit code. Never rejects
 * @example
 * ```ts
 * process.exitCode = await runLatchkey(['doctor', '--json'], {
 *   out: (text) => process.stdout.write(text),
 *   err: (text) => process.stderr.write(text),
 *   env: process.env,
 *   cwd: process.cwd(),
 *   user: 'ci',
 *   load: (url) => import(url),
 * });
 * ```
 * @publicApi
 */
export async function runLatchkey(args: readonly string[], given: Terminal): Promise<ExitCode> {
  const secrets = new Set<string>();
  const terminal = withoutSecrets(given, secrets);
  try {
    return await run(args, terminal, secrets);
  } catch (error) {
    terminal.err(`${problemOf(error)}\n`);
    return EXIT.failure;
  }
}

async function run(args: readonly string[], terminal: Terminal, secrets: Set<string>): Promise<ExitCode> {
  const [name = '', ...rest] = args;
  if (name === '' || name === 'help' || name === '--help' || name === '-h') {
    terminal.out(usage());
    return name === '' ? EXIT.failure : EXIT.ok;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) throw new UsageError(`Unknown command ${printable(name)}. latchkey help lists all commands`);
  const options = Object.fromEntries(command.flags.map((flag) => [flag, FLAGS[flag]]));
  const { values, positionals } = parse(rest, options);
  const flags = values as Flags;
  if (flags.help) {
    terminal.out(`latchkey ${command.usage}\n  ${command.says}\n  ${flagNames(command)}\n`);
    return EXIT.ok;
  }
  const [least, most] = command.args;
  if (positionals.length < least || positionals.length > most)
    throw new UsageError(`Usage: latchkey ${command.usage}`);
  return command.run({
    flags: { ...flags, json: flags.json ?? false, yes: flags.yes ?? false },
    args: positionals,
    terminal,
    settings: () => readSettings(flags, terminal, secrets),
  });
}

function parse(args: readonly string[], options: NonNullable<Parameters<typeof parseArgs>[0]>['options']) {
  try {
    return parseArgs({ args: [...args], options: options ?? {}, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message.split('\n', 1)[0] : String(error));
  }
}

async function withServicesOf(
  { settings }: Call,
  use: (services: Services) => Promise<ExitCode>,
): Promise<ExitCode> {
  const { options } = await settings();
  return withServices(options, use);
}

async function runDoctor({ settings: read, flags, terminal }: Call): Promise<ExitCode> {
  const { settings, storage, place } = await read();
  const report = await examine(settings, storage, place);
  terminal.out(flags.json ? jsonLine(report) : reportText(report));
  return { ok: EXIT.ok, warn: EXIT.finding, fail: EXIT.failure }[report.level];
}

function usage(): string {
  const lines = Object.values(COMMANDS).map(({ usage: line, says }) => `  latchkey ${line}\n      ${says}\n`);
  return `Operates and examines the sessions of @latchkey/session.

${lines.join('')}
Options of the app: --config FILE (exports them; .mjs, .js or .json), or REDIS_URL, --redis URL, --prefix, --timeout MS.
Everywhere: --json. Acts: --yes (do not ask), --as NAME (who acts, for the audit log).
`;
}

function flagNames({ flags }: Command): string {
  return flags.map((flag) => (FLAGS[flag].type === 'string' ? `--${flag} …` : `--${flag}`)).join('  ');
}

/** One line for people. */
function problemOf(error: unknown): string {
  if (error instanceof SessionError && error.code === 'session_store_unavailable') {
    const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
    return `Redis did not answer in time${printable(cause)}. An act may have happened: look, and do it again (twice is as good as once)`;
  }
  const isExpected =
    error instanceof UsageError ||
    error instanceof SessionConfigurationError ||
    error instanceof SessionError;
  if (isExpected) return printable(error.message);
  return error instanceof Error ? printable(`${error.name}: ${error.message}`) : 'It failed';
}
