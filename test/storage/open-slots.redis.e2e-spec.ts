import { setTimeout as sleep } from 'node:timers/promises';
import { AuditLog, IpAllowlists, OneTimeTokens, RateLimiter } from '@latchkey/session';
import type { Redis } from 'ioredis';
import calculateSlot from 'cluster-key-slot';
import { RedisCluster } from '../support/redis-cluster.js';
