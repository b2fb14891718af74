import { RedisCluster } from '../support/redis-cluster.js';
import { RedisServer } from '../support/redis-server.js';
import { expectProblem } from '../sample/support/client.js';
import { startSentinel } from '../sample/support/sentinel.js';
import { PASSWORD, Sample } from '../sample/support/sample.js';

/** The way of a person through the sample: every script of it runs at least once. */
async function walk(sample: Sample): Promise<void> {
  const [mia, root] = [await sample.as('mia'), await sample.as('root')];
  const person = await sample.newcomer(['user', 'moderator'], root);
  const rival = await sample.newcomer(['admin'], root);
  const { post } = (await person.post('/posts', { text: 'Hello' }).expect(201)).body;
  await mia.post(`/posts/${post.id}/like`).expect(200);
  expect((await mia.get('/posts').expect(200)).body.posts[0]).toMatchObject({ id: post.id, likes: 1 });
  expect((await mia.get('/moderation/users').expect(200)).body.users).toHaveLength(6);
  await root.put(`/admin/users/${rival.userId}/roles`, { roles: ['user'] }).expect(200);
  expectProblem(await rival.get('/moderation/users'), 403, 'forbidden');
  await root.post(`/moderation/users/${person.userId}/block`, { reason: 'x' }).expect(200);
  expect(await person.denial()).toBe('user_blocked');
  await root.delete(`/moderation/users/${person.userId}/block`).expect(200);
  await person.login(person.username, PASSWORD);
  const change = { currentPassword: PASSWORD, newPassword: 'another good password' };
  await person.put('/auth/password', change).expect(200);
  expect((await sample.anybody().get('/health')).body).toMatchObject({
    status: 'ok',
    redis: { status: 'up' },
  });
}

describe('the sample', () => {
  it('runs on a Cluster', async () => {
    const cluster = await RedisCluster.start({ password: 'cluster-word' });
    const env = { REDIS_CLUSTER: cluster.addresses.join(','), REDIS_PASSWORD: 'cluster-word' };
    const sample = await Sample.start({ env });
    try {
      await walk(sample);
    } finally {
      await sample.stop();
      await cluster.stop();
    }
  });

  it('runs behind Sentinel', async () => {
    const redis = await RedisServer.start();
    const sentinel = await startSentinel('main', redis.port);
    const sample = await Sample.start({
      env: { REDIS_SENTINELS: sentinel.address, REDIS_SENTINEL_NAME: 'main' },
    });
    try {
      await walk(sample);
    } finally {
      await sample.stop();
      await sentinel.stop();
      await redis.stop();
    }
  });
});
