import { toMilliseconds, type Duration } from '../basics/duration.js';
import type { AuditAct } from '../model/audit-entry.js';
import type { RevocationReceipt } from '../model/revocation-receipt.js';
import type { UserState } from '../model/user-state.js';
import type { OpenAct } from '../services/audit/audit-log.js';
import type { Services } from './services.js';
import { EXIT, type ExitCode, instant, jsonLine, printable, type Terminal, UsageError } from './terminal.js';

/** What every act is given. */
export interface ActFlags {
  readonly json: boolean;
  readonly yes: boolean;
  /** The operator's name. */
  readonly as?: string;
}

export interface BlockFlags extends ActFlags {
  readonly reason?: string;
  readonly for?: string;
  readonly until?: string;
}

const OPERATOR = /^[^\p{Cc}\p{Cf}]{1,100}$/u;

/** What an operator does to users, each act confirmed before, audited, and told with its receipt. */
export class Acts {
  constructor(
    private readonly services: Services,
    private readonly terminal: Terminal,
  ) {}

  async block(userId: string, flags: BlockFlags): Promise<ExitCode> {
    const { reason } = flags;
    if (!reason) throw new UsageError('block needs --reason, which the user and moderators read');
    const until = endOf(flags);
    const by = operatorOf(flags, this.terminal);
    const details = { reason, ...(until === undefined ? {} : { until: instant(until) }) };
    const ends = until === undefined ? 'until it is lifted' : `until ${instant(until)}`;
    return this.perform(userId, flags, {
      question: `Block ${printable(userId)} ${ends} (${printable(reason)})`,
      act: { action: 'user.block', targetId: userId, details },
      run: () => this.services.users.block(userId, { reason, by, ...(until === undefined ? {} : { until }) }),
      told: (receipt) => `${printable(userId)} is blocked ${ends}. ${receiptText(receipt)}`,
    });
  }

  unblock(userId: string, flags: ActFlags): Promise<ExitCode> {
    return this.perform(userId, flags, {
      question: `Lift the block of ${printable(userId)}`,
      act: { action: 'user.unblock', targetId: userId },
      run: () => this.services.users.unblock(userId),
      told: () => `${printable(userId)} is not blocked. Sessions from before the block stay dead.`,
    });
  }

  revokeAll(userId: string, flags: ActFlags): Promise<ExitCode> {
    return this.perform(userId, flags, {
      question: `End every session of ${printable(userId)}`,
      act: { action: 'sessions.revoke', targetId: userId },
      run: async (open) => {
        const receipt = await this.services.sessions.revokeAll(userId);
        open.add({ details: { sessions: receipt.sessions } });
        return receipt;
      },
      told: (receipt) => `${printable(userId)} is logged out everywhere. ${receiptText(receipt)}`,
    });
  }

  revokeOne(userId: string, sessionId: string, flags: ActFlags): Promise<ExitCode> {
    return this.perform(userId, flags, {
      question: `End the session ${printable(sessionId)} of ${printable(userId)}`,
      act: { action: 'sessions.revoke', targetId: userId, details: { session: sessionId } },
      run: async () => ({ userId, sessionId, ended: await this.services.sessions.revoke(userId, sessionId) }),
      told: ({ ended }) => (ended ? 'The session has ended.' : 'The user has no such live session.'),
      exitCode: ({ ended }) => (ended ? EXIT.ok : EXIT.finding),
    });
  }

  private async perform<T>(
    userId: string,
    flags: ActFlags,
    what: {
      readonly question: string;
      readonly act: AuditAct;
      readonly run: (open: OpenAct) => Promise<T>;
      readonly told: (result: T) => string;
      readonly exitCode?: (result: T) => ExitCode;
    },
  ): Promise<ExitCode> {
    const actorId = operatorOf(flags, this.terminal);
    const { ask } = this.terminal;
    if (!flags.yes && !ask)
      throw new UsageError('Without a terminal nobody can be asked: add --yes. Nothing was done');
    const { users, sessions, audit } = this.services;
    const [user, live] = [await users.get(userId), await sessions.list(userId)];
    if (!user) return unknownUser(userId, this.terminal);
    if (!flags.yes && ask) {
      const answer = await ask(`${what.question}?\n${describe(user, live.length)}, as ${actorId} [y/N] `);
      if (!/^y(es)?$/i.test(answer.trim())) {
        this.terminal.err('Nothing was done.\n');
        return EXIT.finding;
      }
    }
    const result = await audit.record({ ...what.act, actorId }, what.run);
    this.terminal.out(flags.json ? jsonLine(result) : `${what.told(result)}\n`);
    return what.exitCode?.(result) ?? EXIT.ok;
  }
}

export function unknownUser(userId: string, terminal: Terminal): ExitCode {
  terminal.err(
    `There is no record of a user ${printable(userId)}. Give the user id, as the app passes it to SessionService.create(); with a userDirectory, give --config\n`,
  );
  return EXIT.finding;
}

export function describe({ roles, status, block }: UserState, live: number): string {
  const who = `roles ${roles.length === 0 ? 'none' : roles.join(', ')}; ${live} live sessions`;
  if (status !== 'blocked' || !block) return who;
  const ends = block.until === undefined ? '' : ` until ${instant(block.until)}`;
  return `${who}; blocked${ends} by ${printable(block.by ?? 'somebody')}: ${printable(block.reason)}`;
}

/** `operator:` and a name: whatever an app's user ids look like, nobody takes it for one. */
function operatorOf({ as }: ActFlags, { user }: Terminal): string {
  const name = as ?? user;
  if (!OPERATOR.test(name)) throw new UsageError('--as is a name of 1–100 characters');
  return `operator:${name}`;
}

function endOf({ for: term, until }: BlockFlags): number | undefined {
  if (term !== undefined && until !== undefined) throw new UsageError('Give --for or --until, not both');
  if (until !== undefined) {
    const at = /^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:\d\d)$/.test(until) ? Date.parse(until) : NaN;
    if (Number.isNaN(at)) throw new UsageError('--until is an instant such as 2030-01-31T12:00:00Z');
    return at;
  }
  if (term === undefined) return undefined;
  try {
    const ms = /^\d+$/.test(term) ? NaN : toMilliseconds(term as Duration); // 60 of what?
    if (ms > 0) return Date.now() + ms;
  } catch {
    // told below
  }
  throw new UsageError("--for is a duration such as '30m', '12h' or '7d'");
}

function receiptText({ sessions, nodes, connectionsClosed, ms }: RevocationReceipt): string {
  const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;
  const late =
    nodes.expired === 0
      ? ''
      : ` ${count(nodes.expired, 'node')} did not confirm in time, and check${nodes.expired === 1 ? 's' : ''} connections again.`;
  const told =
    nodes.confirmed + nodes.expired === 0
      ? 'no node has open connections'
      : `${count(nodes.confirmed, 'node')} confirmed, ${count(connectionsClosed, 'connection')} closed`;
  return `${count(sessions, 'session')} ended; ${told}, ${Math.round(ms)} ms.${late}`;
}
