import { OneTimeTokenScripts } from '../redis/scripts/one-time-tokens.js';
import { distrust } from './redis/distrust.js';
import { MemoryOneTimeTokenRepository } from './memory/one-time-token-repository.js';
import { MemorySessionRepository } from './memory/session-repository.js';
import type { OneTimeTokenRepository } from './contract/one-time-token-repository.js';
import { RedisOneTimeTokenRepository } from './redis/one-time-token-repository.js';
import { redisPlaceOf } from './redis/session-repository.js';
import type { SessionRepository } from './contract/session-repository.js';

/**
 * The one-time tokens that go with a repository: beside its user records, to whose epochs they are bound.
 * @throws TypeError for a repository that is neither of ours
 */
export function openOneTimeTokenRepository(repository: SessionRepository): OneTimeTokenRepository {
  const place = redisPlaceOf(repository);
  if (place) {
    const scripts = new OneTimeTokenScripts(place.connection, place.keys);
    return distrust(new RedisOneTimeTokenRepository(scripts), (line) => place.connection.complain(line));
  }
  if (repository instanceof MemorySessionRepository) return new MemoryOneTimeTokenRepository(repository);
  throw new TypeError('One-time tokens go with the repositories in Redis and in memory only');
}
