import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AUDIT_OUTCOMES, type AuditOutcome, isAuditOutcome, type OutcomeRules } from './audit-entry.js';

describe('the table of audit outcomes', () => {
  it('demands every column of every outcome: a new one does not compile until it is decided', () => {
    type Deferred = Record<AuditOutcome | 'deferred', OutcomeRules>;
    // @ts-expect-error an outcome without a row
    const withoutRow: Deferred = { ...AUDIT_OUTCOMES };
    // @ts-expect-error a row that does not say how it is kept
    const withoutColumn: Deferred = { ...AUDIT_OUTCOMES, deferred: {} };
    expect([withoutRow, withoutColumn]).toHaveLength(2);
  });

  it('is what the scripts have: which entries are kept among the acts', () => {
    const lua = readFileSync(join(__dirname, '../redis/lua/include/audit.lua'), 'utf8');
    const [, condition = ''] = /^ *local is_act = (.*)$/m.exec(lua) ?? [];
    const acts = [...condition.matchAll(/outcome == '(\w+)'/g)].map(([, outcome]) => outcome);
    expect(acts).toEqual(
      Object.entries(AUDIT_OUTCOMES)
        .filter(([, { isAct }]) => isAct)
        .map(([outcome]) => outcome),
    );
  });

  it('knows an outcome from what is none', () => {
    expect(['ok', 'unknown', 'toString', '', undefined].map(isAuditOutcome)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});
