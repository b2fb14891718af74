/**
 * An answer, or a rejection when it takes too long.
 *
 * A timer that is due fires before answers that have arrived meanwhile are read, so after a stall of this process's own
 * event loop it looks once more.
 * @param what names whoever was asked, for the error
 * @example
 * ```ts
 * const name = await withDeadline(redis.get('name'), 180);
 * ```
 * @publicApi
 */
export function withDeadline<T>(answer: Promise<T>, deadlineMs: number, what = 'Redis'): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => {
      setImmediate(() => reject(new Error(`${what} gave no answer within ${deadlineMs} ms`)));
    }, deadlineMs);
    answer.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}
