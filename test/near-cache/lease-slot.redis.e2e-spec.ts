import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { readLeases } from '../../libs/session/src/redis/records/lease-record.js';
import { LeaseScripts } from '../../libs/session/src/redis/scripts/nodes.js';
import { userRefOf } from '../../libs/session/src/token/session-token.js';
import { RedisServer } from '../support/redis-server.js';
import { sessionsOn, type SessionsOn } from '../support/sessions-on.js';
import { LeaseSlot } from './support/lease-slot.js';

const USER_ID = 'ada';
const USER_REF = userRefOf(USER_ID);
/** More than a record has room for. */
const HOLDERS = Array.from({ length: 70 }, (_, i) => `\0é${String.fromCharCode(i)}\n{`);

let server: RedisServer;
let node: SessionsOn;
let leases: LeaseScripts;
let proof: { readonly userRef: string; readonly sessionId: string; readonly tokenHash: Buffer };

beforeAll(async () => {
  server = await RedisServer.start();
  node = await sessionsOn(server.url);
  const { connection, keys } = node.repository;
  leases = new LeaseScripts(connection, keys);
  await node.users.ensure(USER_ID);
  const tokenHash = randomBytes(32);
  proof = { userRef: USER_REF, sessionId: randomBytes(12).toString('base64url'), tokenHash };
  const made = await node.repository.create({
    userId: USER_ID,
    ...proof,
    device: { name: '', userAgent: '', ip: '' },
    lifetime: { inactivityTimeoutMs: 600_000, absoluteTimeoutMs: 600_000 },
    assurance: 'aal1',
    rememberMe: false,
    createUser: false,
  });
  expect(made.outcome).toBe('created');
});
afterAll(async () => {
  await node.close();
  await server.stop();
});

const holder = fc.constantFrom(...HOLDERS.slice(0, 3));
const fill = fc.integer({ min: 1, max: 8 });
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('grant' as const),
      holder,
      fill,
      termMs: fc.integer({ min: 1, max: 5_000 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('giveBack' as const), holder, fill }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('recall' as const) }) },
  // As if time went by.
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('age' as const), ms: fc.integer({ min: 1, max: 5_300 }) }),
  },
);

it('the model of a slot is what the scripts do', async () => {
  const key = node.repository.keys.of(USER_REF, 'user');
  const client = server.client();
  const stored = async () => readLeases((await client.hgetBuffer(key, 'k')) ?? Buffer.alloc(0));
  const asked = (lease: { holder: string; fill: number; termMs: number }) =>
    node.repository.authenticate(proof, { touchIfRoles: [], quotas: [], lease });

  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      await client.hdel(key, 'k');
      const slot = new LeaseSlot();
      for (const one of steps) {
        if (one.do === 'grant') {
          const lookup = await asked(one);
          if (lookup.kind !== 'known') throw new Error(lookup.kind);
          expect(lookup.lease !== undefined).toBe(slot.grant(one, lookup.now));
        } else if (one.do === 'giveBack') {
          await leases.giveBack(USER_REF, one.holder, one.fill);
          slot.giveBack(one.holder, one.fill);
        } else if (one.do === 'recall') {
          const answer = await leases.recall(USER_REF);
          expect(answer.leases).toEqual(slot.recall(answer.now));
        } else {
          slot.leases = slot.leases.map((lease) => ({ ...lease, expiresAt: lease.expiresAt - one.ms }));
          const field = await client.hgetBuffer(key, 'k');
          for (let at = 15; field && at < field.length; at += 21)
            field.writeUIntBE(field.readUIntBE(at, 6) - one.ms, at, 6);
          if (field) await client.hset(key, 'k', field);
        }
        expect(await stored()).toEqual(slot.leases);
      }
    }),
    { numRuns: process.env['SOAK'] === '1' ? 2_000 : 60 },
  );
});

it('a record has room for so many holders, in the model and in Redis', async () => {
  await server.client().hdel(node.repository.keys.of(USER_REF, 'user'), 'k');
  const slot = new LeaseSlot();
  const granted = [];
  for (const [i, name] of HOLDERS.entries()) {
    const lease = { holder: name, fill: i + 1, termMs: 60_000 };
    const lookup = await node.repository.authenticate(proof, { touchIfRoles: [], quotas: [], lease });
    if (lookup.kind !== 'known') throw new Error(lookup.kind);
    granted.push(lookup.lease !== undefined);
    expect(granted.at(-1)).toBe(slot.grant(lease, lookup.now));
  }
  expect(granted.filter(Boolean)).toHaveLength(64);
  expect((await leases.recall(USER_REF)).leases).toEqual(slot.leases);
});
