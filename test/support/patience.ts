/**
 * How long Redis gets in tests that are about something else, in milliseconds: on a machine that is busy with other things
 * the default would answer 503 now and then, as it should. Tests of that very promise leave it at the default.
 */
export const PATIENT_MS = 2_000;
/** The library's default, for those. */
export const DEFAULT_MS = 180;
/** What a machine with other things to do may add to a wait: where a bound tells a bounded wait from one that is not. */
export const BUSY_MS = 1_000;
/** So much earlier than it was set a timer may fire, by another clock: Node counts from when its loop last looked. */
export const EARLY_MS = 10;
