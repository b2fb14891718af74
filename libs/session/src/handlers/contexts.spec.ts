import { CONTEXTS, type ContextKind, contextOfType, type ContextRules } from './contexts.js';

/** The columns of a table that a row may leave out. */
type Undecided<Row> = {
  [Column in keyof Row]-?: object extends Pick<Row, Column> ? Column : never;
}[keyof Row];

describe('the table of contexts', () => {
  it('demands every column of every context: a new one does not compile until it is decided', () => {
    type Queues = Record<ContextKind | 'queue', ContextRules>;
    // @ts-expect-error a context without a row
    const withoutRow: Queues = { ...CONTEXTS };
    const { answer: _, ...undecided } = CONTEXTS.rpc;
    // @ts-expect-error a row that does not say how an error is answered
    const withoutColumn: Queues = { ...CONTEXTS, queue: undecided };
    const none: [Undecided<ContextRules>] extends [never] ? true : false = true;
    expect([withoutRow, withoutColumn, none]).toHaveLength(3);
  });

  it('is found by what Nest calls the context', () => {
    for (const rules of Object.values(CONTEXTS)) expect(contextOfType(rules.type)).toBe(rules);
    expect(contextOfType('queue')).toBeUndefined();
    expect(contextOfType('__proto__')).toBeUndefined();
  });
});
