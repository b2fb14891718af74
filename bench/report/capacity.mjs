/** Of a Redis core, how much is planned for: the rest is for peaks, for logins and for what else Redis does. */
const UTILISATION = 0.6;
/** What Redis keeps beside the data: replication and client buffers, fragmentation. */
const MEMORY_FACTOR = 1.4;
const SHARD_GB = 24;
const SESSIONS_PER_USER = 2;
/** Users with sessions, and requests a second of all of them together. */
const LOADS = [
  { users: 10_000, requestsPerSecond: 100 },
  { users: 100_000, requestsPerSecond: 1_000 },
  { users: 1_000_000, requestsPerSecond: 10_000 },
  { users: 10_000_000, requestsPerSecond: 100_000 },
  { users: 100_000_000, requestsPerSecond: 1_000_000 },
  { users: 1_000_000_000, requestsPerSecond: 10_000_000 },
];

export const FORMULA =
  'cores = requests per second / (checks per second of one core × ' +
  `${UTILISATION}), between the two; memory = users × ${SESSIONS_PER_USER} sessions × bytes per session × ${MEMORY_FACTOR}; ` +
  `shards = the larger of the cores as in the HTTP run and memory / ${SHARD_GB} GiB, rounded up, each with a replica of the same size`;

/**
 * What Redis takes for loads up to internet scale, from the measured cost of a check and the weight of a session.
 * @param servedUs Redis's time for a check of the HTTP run, if there was one: what comes over many sockets costs more
 */
export function planCapacity({ perCoreSecond, bytesPerSession, servedUs }) {
  return LOADS.map(({ users, requestsPerSecond }) => {
    const cores = requestsPerSecond / (perCoreSecond * UTILISATION);
    const servedCores = servedUs && (requestsPerSecond * servedUs) / 1e6 / UTILISATION;
    const memoryGb = (users * SESSIONS_PER_USER * bytesPerSession * MEMORY_FACTOR) / 2 ** 30;
    const shards = Math.max(1, Math.ceil(servedCores ?? cores), Math.ceil(memoryGb / SHARD_GB));
    return { users, requestsPerSecond, cores, servedCores, memoryGb, shards };
  });
}
