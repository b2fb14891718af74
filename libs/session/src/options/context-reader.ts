/** A call of a context of the app's own, as `SessionGuard` is shown it. @publicApi */
export interface ContextCall {
  /**
   * The HTTP request that the call came with, or what stands for one: `authorization`, `cookie` and `origin` in its
   * headers, and the client's address in its socket. Without an address no allowlist lets the call in.
   */
  readonly request: {
    readonly headers: Readonly<Record<string, string | string[] | undefined>>;
    readonly socket?: { readonly remoteAddress?: string | undefined } | undefined;
  };
  /**
   * What is checked: one object for each call, one of those that Nest hands to the call's guards. Two guards before one
   * call check it once.
   */
  readonly unit: object;
}

/**
 * How the calls of one kind of context are read, for the option `contexts`: what `SessionGuard` does not know by itself,
 * such as a chat bot's updates. A cookie counts only with an `origin` of ours, as at a handshake.
 * @example
 * ```ts
 * const telegram: ContextReader = {
 *   type: 'telegram',
 *   callOf: ([update]) => {
 *     const { token } = update as { token: string };
 *     return { request: { headers: { authorization: `Bearer ${token}` } }, unit: update as object };
 *   },
 * };
 * ```
 * @publicApi
 */
export interface ContextReader {
  /** What Nest's `ExecutionContext.getType()` calls the context. */
  readonly type: string;
  /**
   * @param args what Nest hands to guards and handlers there
   * @returns `undefined` where nothing with credentials is behind the call: then only `@Public()` handlers run
   */
  readonly callOf: (args: readonly unknown[]) => ContextCall | undefined;
}
