/**
 * A bound on how often something may happen: `quota` times per `window`, and at most `burst` of them at once
 * (IETF RateLimit header fields, draft-ietf-httpapi-ratelimit-headers).
 * @publicApi
 */
export interface QuotaPolicy {
  /** Names the quota in keys, headers and manifests. */
  readonly name: string;
  readonly quota: number;
  readonly windowMs: number;
  /** How many may come at once; more come back as time goes by, evenly over the window. */
  readonly burst: number;
}

/** A quota that lives with the user: counted for the user, or for each of the user's sessions. @publicApi */
export interface UserQuota extends QuotaPolicy {
  readonly by: 'user' | 'session';
  /** How many a near cache takes from Redis at once; absent: each request asks Redis. */
  readonly batch?: number;
}

/** What became of one consumption, or how a quota stands. @publicApi */
export interface QuotaResult extends QuotaPolicy {
  /** False when nothing was left; then nothing of any quota of the same request was consumed. */
  readonly allowed: boolean;
  /** How many more may come right now. */
  readonly remaining: number;
  /** After how many milliseconds one more may come; 0 while any may. */
  readonly retryAfterMs: number;
  /** After how many milliseconds the whole burst is there again. */
  readonly resetMs: number;
}
