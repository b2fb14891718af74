import { describe, unknownUser } from './acts.js';
import type { DoctorReport } from './doctor/finding.js';
import type { Services } from './services.js';
import { EXIT, type ExitCode, instant, jsonLine, printable, table, type Terminal } from './terminal.js';

/** A command that only looks. */
interface Reading {
  readonly args: readonly string[];
  readonly flags: {
    readonly json: boolean;
    readonly user?: string;
    readonly limit?: string;
    readonly before?: string;
  };
  readonly terminal: Terminal;
}

/** What `doctor` found, for people. */
export function reportText({ redis, level, findings }: DoctorReport): string {
  const lines = findings.flatMap((one) => [
    `${one.level.toUpperCase().padEnd(8)}${one.check.padEnd(14)}${printable(one.what)}`,
    ...(one.why === undefined ? [] : [`${' '.repeat(22)}why: ${one.why}`]),
    ...(one.remedy === undefined ? [] : [`${' '.repeat(22)}remedy: ${one.remedy}`]),
  ]);
  return `Redis at ${redis}: ${level}\n${lines.join('\n')}\n`;
}

export async function listSessions({ users, sessions }: Services, call: Reading): Promise<ExitCode> {
  const { args, flags, terminal } = call;
  const [userId = ''] = args;
  const user = await users.get(userId);
  if (!user) return unknownUser(userId, terminal);
  const live = await sessions.list(userId);
  if (flags.json) {
    terminal.out(jsonLine({ user, sessions: live }));
    return EXIT.ok;
  }
  const rows = live.map(({ id, device, createdAt, lastSeenAt, expiresAt }) => {
    const { name, userAgent, ip } = device;
    return [
      id,
      ...[createdAt, lastSeenAt, expiresAt].map(instant),
      ip,
      [name, userAgent].filter(Boolean).join(', '),
    ];
  });
  terminal.out(`${printable(userId)}: ${describe(user, live.length)}\n`);
  if (rows.length > 0)
    terminal.out(table(['SESSION', 'CREATED', 'LAST SEEN', 'EXPIRES', 'IP', 'DEVICE'], rows));
  return EXIT.ok;
}

export async function readAudit({ audit }: Services, { flags, terminal }: Reading): Promise<ExitCode> {
  const page = await audit.read({
    ...(flags.limit === undefined ? {} : { limit: Number(flags.limit) }),
    ...(flags.before === undefined ? {} : { before: flags.before }),
    ...(flags.user === undefined ? {} : { userId: flags.user }),
  });
  if (flags.json) {
    terminal.out(jsonLine(page));
    return EXIT.ok;
  }
  const rows = page.entries.map(({ at, action, outcome, actorId = '', targetId = '', ip = '', details }) => {
    return [instant(at), action, outcome, actorId, targetId, ip, JSON.stringify(details)];
  });
  terminal.out(table(['AT', 'ACTION', 'OUTCOME', 'ACTOR', 'TARGET', 'IP', 'DETAILS'], rows));
  if (page.next !== undefined) terminal.out(`More: --before ${page.next}\n`);
  return EXIT.ok;
}
