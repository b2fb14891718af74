import { hash } from 'node:crypto';

/**
 * The Redis layout. Everything of one user is on one Cluster slot, by the hash tag `{userRef}` (22 characters, the
 * SHA-256 of the user id cut to 128 bits). As commands, for a user `42` with one session:
 *
 *     HSET lk:{REF}:user  id 42  u <version, epoch, roles>  [l <loadedAt, sourceVersion>]  [b <block>]  [a <IP allowlist>]
 *                         SESSION_ID <64 bytes>  SESSION_ID:d <device>  [SESSION_ID:p <previous token hash>]
 *                         [SESSION_ID:f <refresh token hashes>  SESSION_ID:g <rotation>  SESSION_ID:r <previous family>]
 *                         [q:QUOTA <TAT>  q:QUOTA/SESSION_ID <TAT>]  [n <how many sessions>  o <the oldest>]
 *                         [w <until, nonce>]
 *     PEXPIRE lk:{REF}:user  30000   while the app's UserDirectory is being asked about somebody without a record
 *     PEXPIREAT lk:{REF}:user  <absolute timeout>   of a guest: a record of its own, under an id that no user has
 *     HSET lk:{REF}:data  SESSION_ID <version: 6 bytes><JSON, or what the app's keys sealed>   only of sessions with data
 *     PEXPIREAT lk:{REF}:data  <last absolute timeout of a session with data>
 *     HSET lk:{REF}:once  subject 42  TOKEN_ID <51 bytes and more>
 *     PEXPIREAT lk:{REF}:once  <when the last of the one-time tokens expires>
 *
 * The fields of a user are described in lua/include/user-record.lua, the 64 bytes of a session in session-record.lua
 * beside it, refresh tokens in family.lua, quotas in user-quota.lua, one-time tokens in one-time-token.lua: for them, REF
 * is made of their subject, who need not be a user.
 *
 * Quotas by client IP, or by what the app says, and the hits of a throttler are each on a slot of their own:
 *
 *     SET  lk:quota:{HASH}     <TAT in us>[;<receipts: lua/include/quota-key.lua>] PX <until the whole burst is there again>
 *     SET  lk:throttle:{HASH}  <hits of a throttler of @nestjs/throttler, packed: lua/throttle.lua> PX <until they are past>
 *
 * The named lists of IP ranges are on one slot of their own, because a request may depend upon several:
 *
 *     HSET lk:{ip}:list:NAME  version 1790000000000000  ranges "10.0.0.0/8 2001:db8::/32"
 *
 * The audit log is on one slot of its own (no userRef has 5 characters):
 *
 *     XADD lk:{audit}:acts     1790000000000-0  outcome ok  action user.block  actor mia  target 42  ip 192.0.2.7  details {…}
 *     XADD lk:{audit}:denials  1790000000001-0  outcome denied  action login  …    likewise; and routine, of logins and the like
 *     XADD lk:{audit}:pending  *  action …                                       acts that were begun and not settled
 *     SET  lk:{audit}:lastId   1790000000001-0                                   the newest ID of all streams
 *     HSET lk:{audit}:dropped  acts 1790000000000        before when a bound has dropped entries; PEXPIRE <retention>
 *     SET  lk:{audit}:whenFull 3 PX 3600000                                          acts begun in a full Redis
 *
 * What the nodes tell each other is on one slot of its own, and events on a channel, which no slot has:
 *
 *     ZADD lk:{live}:nodes  1790000005000 NODE_ID       nodes with live connections, until when they are believed to be there
 *     ZADD lk:{live}:missed  1790000005000 NODE_ID      those that did not confirm an act, until they are told so
 *     HSET lk:{live}:confirmed:REF:VERSION  NODE_ID 2   connections closed for that act; PEXPIRE 10000
 *     HSET lk:{live}:servers  IDENTITY 1790000000000    since when a server has been the one that is used
 *     SET  lk:{live}:near  2000 PX 60000                the longest lease of a near cache
 *     PUBLISH lk:events  "recall REF 0a1b2c3d4e"
 *     PUBLISH lk:events  "user.blocked REF 1790000000001 81604378625 - 42"
 *     PUBLISH lk:events  "ip_list.changed NAME 1790000000000000"
 */
export class RedisKeys {
  constructor(private readonly prefix: string) {}

  of(userRef: string, name: KeyName): string {
    return `${this.prefix}:{${userRef}}:${name}`;
  }

  /** The key of a quota that belongs to no user: the partition is hashed, so that nothing in it can be a brace. */
  ofQuota(name: string, partition: string): string {
    return `${this.prefix}:quota:{${digestOf(name, partition)}}`;
  }

  /** The key of a throttler's hits, hashed as well: what tells clients apart may be anything. */
  ofThrottle(name: string, client: string): string {
    return `${this.prefix}:throttle:{${digestOf(name, client)}}`;
  }

  /** The channel on which every write says what it did. */
  get events(): string {
    return `${this.prefix}:events`;
  }

  get nodes(): string {
    return `${this.prefix}:{live}:nodes`;
  }

  ofIpList(name: string): string {
    return `${this.prefix}:{ip}:list:${name}`;
  }

  /** Whether a key with our prefix has a form of ours. */
  isOurs(key: string): boolean {
    return key.startsWith(`${this.prefix}:`) && OUR_FORMS.test(key.slice(this.prefix.length + 1));
  }

  /** The record that a lease is about: `list:` and the name of a list, or a userRef. */
  ofLeased(subject: string): string {
    return subject.startsWith(LIST) ? this.ofIpList(subject.slice(LIST.length)) : this.of(subject, 'user');
  }

  get near(): string {
    return `${this.prefix}:{live}:near`;
  }

  get missed(): string {
    return `${this.prefix}:{live}:missed`;
  }

  get servers(): string {
    return `${this.prefix}:{live}:servers`;
  }

  confirmationsOf(userRef: string, version: number): string {
    return `${this.prefix}:{live}:confirmed:${userRef}:${version}`;
  }
}

const LIST = 'list:';

/** The forms of all keys, without the prefix. */
const OUR_FORMS = new RegExp(
  `^(?:${[
    String.raw`\{[\w-]{22}\}:(?:user|data|once)`,
    String.raw`(?:quota|throttle):\{[\w-]{22}\}`,
    String.raw`\{ip\}:list:.+`,
    String.raw`\{audit\}:(?:acts|routine|denials|dropped|pending|lastId|whenFull)`,
    String.raw`\{live\}:(?:nodes|missed|servers|near|confirmed:.+)`,
  ].join('|')})$`,
);

/** 132 bits of SHA-256, in 22 characters. */
function digestOf(name: string, rest: string): string {
  return hash('sha256', `${name}\u0000${rest}`, 'base64url').slice(0, 22);
}

export type AuditKeyName = 'acts' | 'routine' | 'denials' | 'dropped' | 'pending' | 'lastId' | 'whenFull';
/** The keys of one user; those of the audit log; and those that have methods of their own. */
export type KeyName = 'user' | 'data' | 'once' | 'quota' | AuditKeyName | NodeKeyName | 'ipList' | 'leased';
type NodeKeyName = 'nodes' | 'missed' | 'servers' | 'near' | 'confirmations' | 'throttle';
