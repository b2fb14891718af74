import type { DenyReason } from './decision.js';
import { type DenialRules, DENIALS, ERROR_CODES, type ErrorRules } from './error-codes.js';
import { SessionError } from './session-error.js';

/** The columns of a table that a row may leave out. */
type Undecided<Row> = {
  [Column in keyof Row]-?: object extends Pick<Row, Column> ? Column : never;
}[keyof Row];

describe('the table of denials', () => {
  it('demands every column of every reason: a new one does not compile until it is decided', () => {
    type TenantSuspended = Record<DenyReason | 'tenant_suspended', DenialRules>;
    // @ts-expect-error a reason without a row
    const withoutRow: TenantSuspended = { ...DENIALS };
    // @ts-expect-error a row that does not say what becomes of live connections
    const withoutColumn: TenantSuspended = { ...DENIALS, tenant_suspended: omit('endsConnection') };
    const undecided: Undecided<DenialRules>[] = [];
    expect([withoutRow, withoutColumn, undecided]).toHaveLength(3);
    const none: [Undecided<DenialRules>] extends [never] ? true : false = true;
    expect(none).toBe(true);
  });

  it('has the reasons in the order in which they are looked at: those before quotas come first', () => {
    const rows = Object.values(DENIALS);
    const firstAfter = rows.findIndex(({ isBeforeQuotas }) => !isBeforeQuotas);
    expect(rows.slice(firstAfter).some(({ isBeforeQuotas }) => isBeforeQuotas)).toBe(false);
  });

  it('challenges every 401, and nothing else', () => {
    for (const { status, challenge } of Object.values(ERROR_CODES))
      expect(challenge !== null).toBe(status === 401);
  });

  it('says which errors a retry may mend', () => {
    for (const [code, { isRetryable }] of Object.entries(ERROR_CODES) as [
      keyof typeof ERROR_CODES,
      ErrorRules,
    ][])
      expect(new SessionError(code).retryAfterSeconds).toBe(isRetryable ? 1 : undefined);
  });
});

function omit<Column extends keyof DenialRules>(column: Column): Omit<DenialRules, Column> {
  const { [column]: _, ...rest } = DENIALS.forbidden;
  return rest;
}
