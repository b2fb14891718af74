/** Source of time of the in-memory repository. Redis has its own clock. @publicApi */
export interface Clock {
  /** Milliseconds since 1970 UTC. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };
