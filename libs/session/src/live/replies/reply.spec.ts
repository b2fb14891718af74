import { setImmediate as turn } from 'node:timers/promises';
import { concat, lastValueFrom, NEVER, Observable, of, Subject, throwError, toArray } from 'rxjs';
import { SessionError } from '../../model/session-error.js';
import type { ConnectionEnd } from '../connection-end.js';
import type { LiveConnection } from '../live-connection.js';
import type { LiveConnections } from '../live-connections.js';
import { followLazily } from './reply.js';

class Connection {
  isOpen = true;
  end: (end: ConnectionEnd) => void = () => undefined;
  open(end: (end: ConnectionEnd) => void): boolean {
    this.end = end;
    return true;
  }
  deliver({ deliver }: { deliver: () => void }): void {
    if (this.isOpen) deliver();
  }
  closed(): void {
    this.isOpen = false;
  }
}

/** What was asked of the open connections, and what they say. */
function connections(refusal?: Error) {
  const asked: string[] = [];
  const made = new Connection();
  const answer = async (what: string) => {
    asked.push(what);
    await turn();
    if (refusal) throw refusal;
    return made as unknown as LiveConnection;
  };
  const of = {
    register: () => answer('register'),
    checkOnce: () => answer('check'),
  } as unknown as LiveConnections;
  return { asked, made, admission: { connections: of, candidate: { token: 'x' } } };
}

describe('a reply', () => {
  afterEach(() => void jest.restoreAllMocks());

  /** The next replies begin so long after their check. */
  const late = (): void => {
    jest.restoreAllMocks();
    const now = performance.now.bind(performance);
    const from = now();
    let calls = 0;
    jest.spyOn(performance, 'now').mockImplementation(() => ((calls += 1) === 1 ? from : now() + 5_000));
  };

  it.each<[string, Observable<unknown>, unknown[]]>([
    ['of one value', of(1), [1]],
    ['of several at once', of(1, 2, 3), [1, 2, 3]],
    ['of none', of(), []],
  ])('%s is not asked about', async (_name, source, values) => {
    const { asked, admission } = connections();
    expect(await lastValueFrom(followLazily(source, admission).pipe(toArray()))).toEqual(values);
    await turn();
    expect(asked).toEqual([]);
  });

  it('that goes on is one connection, and keeps its order while that is made', async () => {
    const { asked, made, admission } = connections();
    const source = new Subject<number>();
    const values: number[] = [];
    const following = followLazily(source, admission).subscribe((value) => values.push(value as number));
    source.next(1);
    await turn();
    source.next(2); // the registration is under way
    source.next(3);
    expect(values).toEqual([1]);
    for (let i = 0; i < 3; i++) await turn();
    source.next(4);
    expect(values).toEqual([1, 2, 3, 4]);
    expect(asked).toEqual(['register']);
    following.unsubscribe();
    expect(made.isOpen).toBe(false);
    expect(source.observed).toBe(false);
  });

  it('that goes on ends with its session', async () => {
    const { made, admission } = connections();
    const errors: unknown[] = [];
    followLazily(concat(of(1), NEVER), admission).subscribe({ error: (error) => errors.push(error) });
    for (let i = 0; i < 3; i++) await turn();
    made.end({ code: 'user_blocked', closeCode: 4403 });
    expect(errors).toEqual([expect.objectContaining({ code: 'user_blocked' })]);
    expect(made.isOpen).toBe(false);
  });

  it('that is refused gets no further value', async () => {
    const { admission } = connections(new SessionError('too_many_connections'));
    const source = new Subject<number>();
    const values: unknown[] = [];
    followLazily(source, admission).subscribe({
      next: (value) => values.push(value),
      error: ({ code }: SessionError) => values.push(code),
    });
    source.next(1);
    await turn();
    source.next(2);
    for (let i = 0; i < 3; i++) await turn();
    expect(values).toEqual([1, 'too_many_connections']);
    expect(source.observed).toBe(false);
  });

  it('that begins late is checked first, and registered only if it goes on', async () => {
    late();
    const one = connections();
    expect(await lastValueFrom(followLazily(of(1), one.admission).pipe(toArray()))).toEqual([1]);
    expect(one.asked).toEqual(['check']);
    late();
    const many = connections();
    const values: unknown[] = [];
    followLazily(concat(of(1), NEVER), many.admission).subscribe((value) => values.push(value));
    expect(values).toEqual([]);
    for (let i = 0; i < 3; i++) await turn();
    expect([values, many.asked]).toEqual([[1], ['register']]);
    late();
    const refused = connections(new SessionError('user_blocked'));
    await expect(lastValueFrom(followLazily(of(1), refused.admission))).rejects.toMatchObject({
      code: 'user_blocked',
    });
  });

  it('that fails by itself fails alike', async () => {
    const own = new Error('its own');
    const { admission } = connections();
    await expect(
      lastValueFrom(
        followLazily(
          throwError(() => own),
          admission,
        ),
      ),
    ).rejects.toBe(own);
    late();
    await expect(
      lastValueFrom(
        followLazily(
          throwError(() => own),
          admission,
        ),
      ),
    ).rejects.toBe(own);
  });

  it('whose client has gone is forgotten, also while it is registered', async () => {
    const { made, admission } = connections();
    const following = followLazily(concat(of(1), NEVER), admission).subscribe();
    await turn();
    following.unsubscribe();
    for (let i = 0; i < 3; i++) await turn();
    expect(made.isOpen).toBe(false);
  });
});
