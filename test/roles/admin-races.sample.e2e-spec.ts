import { UserStateService } from '@latchkey/session';
import { AdminWithdrawals } from '../../src/moderation/admin-withdrawals.js';
import { UsersService } from '../../src/users/users.service.js';
import { RedisServer } from '../support/redis-server.js';
import { type Client, expectProblem } from '../sample/support/client.js';
import { hold } from '../sample/support/gate.js';
import { PASSWORD, Sample } from '../sample/support/sample.js';

/** Two nodes on one Redis, as behind a load balancer. */
describe('two nodes', () => {
  let redis: RedisServer;
  let nodes: readonly [Sample, Sample];

  beforeAll(async () => {
    redis = await RedisServer.start();
    const env = { REDIS_URL: redis.url };
    nodes = await Promise.all([Sample.start({ env }), Sample.start({ env })]);
  });
  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await redis.stop();
  });

  const setRoles = (actor: Client, target: Client, roles: string[]) =>
    actor.put(`/admin/users/${target.userId}/roles`, { roles });
  const block = (actor: Client, target: Client) =>
    actor.post(`/moderation/users/${target.userId}/block`, { reason: 'Race' });
  const adminNames = async (observer: Client): Promise<string[]> => {
    const { body } = await observer.get('/moderation/users?limit=100').expect(200);
    return (body.users as { username: string; roles: string[]; status: string }[])
      .filter(({ roles, status }) => roles.includes('admin') && status === 'active')
      .map(({ username }) => username);
  };
  /** The same person on the other node. */
  const on = (node: Sample, client: Client): Client =>
    Object.assign(node.anybody(), client, { url: node.url });

  it('that boot together make each demo account once', async () => {
    const client = redis.client();
    await expect(client.hlen('app:{users}:accounts')).resolves.toBe(4);
    const names = await client.hkeys('app:{users}:names');
    expect(names.sort()).toEqual(['alice', 'bob', 'mia', 'root']);
    expect(await client.keys('lk:*:user')).toHaveLength(4);
    for (const node of nodes) for (const name of names) await node.as(name);
  });

  it('give a user name once', async () => {
    const made = await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        nodes[n % 2]!.anybody().post('/auth/register', { username: 'wanted', password: `${PASSWORD} ${n}` }),
      ),
    );
    const statuses = made.map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(1);
    expect(statuses.filter((status) => status === 409)).toHaveLength(11);
    await nodes[0].anybody().login('wanted', `${PASSWORD} ${statuses.indexOf(201)}`);
    expect(await redis.client().keys('lk:*:user')).toHaveLength(5);
  });

  it('keep one admin, however often the last two demote or block each other at the same time', async () => {
    const observer = await nodes[0].as('mia');
    let [one, two] = [await nodes[0].as('root'), await nodes[1].newcomer(['admin'])];
    const refusals = new Set<string>();
    for (let round = 0; round < 50; round++) {
      const isBlock = round % 5 === 4;
      const act = (actor: Client, target: Client) =>
        isBlock ? block(actor, target) : setRoles(actor, target, ['user']);
      const replies = await Promise.all([act(one, two), act(two, one)]);
      const winner = replies.findIndex(({ status }) => status === 200);
      const loss = replies[1 - winner];
      expect(replies.filter(({ status }) => status === 200)).toHaveLength(1);
      refusals.add(`${loss?.status} ${loss?.body.code}`);
      const [survivor, loser] = winner === 0 ? [one, two] : [two, one];
      expect(await adminNames(observer)).toEqual([survivor.username]);
      if (isBlock) {
        await survivor.delete(`/moderation/users/${loser.userId}/block`).expect(200);
        await loser.login(loser.username, loser.username === 'root' ? 'correct-horse-root' : PASSWORD);
      } else {
        await setRoles(survivor, loser, ['admin']).expect(200);
      }
      [one, two] =
        round % 2 === 0 ? [on(nodes[0], two), on(nodes[1], one)] : [on(nodes[0], one), on(nodes[1], two)];
    }
    for (const refusal of refusals) {
      expect(['403 forbidden', '403 user_blocked', '409 conflict', '401 session_revoked']).toContain(refusal);
    }
  });

  describe('with an act against an admin held back', () => {
    let root: Client;
    let rival: Client;
    let observer: Client;

    beforeEach(async () => {
      root = await nodes[0].as('root');
      rival = await nodes[1].newcomer(['admin'], root);
      observer = await nodes[1].as('mia');
    });

    it.each(['root', 'rival'])(
      'before its write: the other one is refused (%s goes first)',
      async (first) => {
        const [early, late] = first === 'root' ? [root, rival] : [rival, root];
        const node = first === 'root' ? nodes[0] : nodes[1];
        const gate = hold(node.app.get(UserStateService), 'setRoles', 'before');
        const demotion = setRoles(early, late, ['user']).then((reply) => reply);
        await gate.reached;
        expectProblem(await setRoles(late, early, ['user']), 409, 'conflict');
        expectProblem(await block(late, early), 409, 'conflict');
        gate.open();
        expect((await demotion).status).toBe(200);
        expect(await adminNames(observer)).toContain(early.username);
        await setRoles(early, late, ['admin']).expect(200);
        await setRoles(late, early, ['admin']).expect(200);
      },
    );

    it('after it read both: an actor who was demoted meanwhile is refused', async () => {
      const gate = hold(nodes[1].app.get(AdminWithdrawals), 'begin', 'before');
      const late = setRoles(rival, root, ['user']).then((reply) => reply);
      await gate.reached;
      await setRoles(root, rival, ['user']).expect(200);
      gate.open();
      expectProblem(await late, 409, 'conflict');
      expect(await adminNames(observer)).toContain('root');
    });

    it('and given up: the target remains an admin, and can act again once their roles are set anew', async () => {
      await nodes[0].app.get(AdminWithdrawals).begin({
        actor: (await nodes[0].app.get(UserStateService).get(root.userId))!,
        target: (await nodes[0].app.get(UserStateService).get(rival.userId))!,
      });
      const refused = await setRoles(rival, root, ['user']);
      expectProblem(refused, 409, 'conflict');
      // True whether that act is still under way, or was given up as this one was.
      expect(refused.body.detail).toMatch(/^A block or demotion of you was begun.*set your roles/);
      await setRoles(root, rival, ['admin']).expect(200);
      const third = await nodes[0].newcomer(['admin'], root);
      await setRoles(rival, third, ['user']).expect(200);
    });
  });

  it('judge the target in the write: a user who is promoted meanwhile is not blocked', async () => {
    const [mia, target] = [await nodes[0].as('mia'), await nodes[1].newcomer()];
    const gate = hold(nodes[0].app.get(UserStateService), 'block', 'before');
    const late = block(mia, target).then((reply) => reply);
    await gate.reached;
    await setRoles(await nodes[1].as('root'), target, ['moderator']).expect(200);
    gate.open();
    expectProblem(await late, 403, 'forbidden');
    await target.get('/moderation/users').expect(200);
  });

  it('block a user all the same who only writes their roles anew meanwhile', async () => {
    const [mia, target] = [await nodes[0].as('mia'), await nodes[1].newcomer()];
    const gate = hold(nodes[0].app.get(UserStateService), 'block', 'before');
    const late = block(mia, target).then((reply) => reply);
    await gate.reached;
    await setRoles(await nodes[1].as('root'), target, ['user']).expect(200);
    gate.open();
    expect((await late).status).toBe(200);
    expect(await target.denial()).toBe('user_blocked');
  });

  it.each(['user', 'moderator'])('do not let an admin give roles who became a %s meanwhile', async (role) => {
    const root = await nodes[1].as('root');
    const admin = await nodes[0].newcomer(['admin'], root);
    const target = await nodes[1].newcomer();
    const gate = hold(nodes[0].app.get(UsersService), 'require', 'after');
    const late = setRoles(admin, target, ['admin']).then((reply) => reply);
    await gate.reached;
    await setRoles(root, admin, [role]).expect(200);
    gate.open();
    expectProblem(await late, 403, 'forbidden');
    expect((await target.get('/auth/me')).body.user.roles).toEqual(['user']);
  });

  it('do not let a moderator act whose own role went meanwhile', async () => {
    const root = await nodes[1].as('root');
    const moderator = await nodes[0].newcomer(['moderator'], root);
    const target = await nodes[1].newcomer();
    const gate = hold(nodes[0].app.get(UsersService), 'require', 'after');
    const late = block(moderator, target).then((reply) => reply);
    await gate.reached;
    await setRoles(root, moderator, ['user']).expect(200);
    gate.open();
    expectProblem(await late, 403, 'forbidden');
    expect(await target.denial()).toBeUndefined();
  });
});
