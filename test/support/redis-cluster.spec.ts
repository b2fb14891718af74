import { RedisCluster } from './redis-cluster.js';

describe('RedisCluster', () => {
  let cluster: RedisCluster;

  beforeAll(async () => {
    cluster = await RedisCluster.start({ password: 'secret' });
  });
  afterAll(() => cluster.stop());

  it('shares the slots among three masters and serves keys of all of them', async () => {
    const client = cluster.client();
    const keys = Array.from({ length: 50 }, (_, index) => `key-${index}`);
    await Promise.all(keys.map((key) => client.set(key, key)));
    expect(await Promise.all(keys.map((key) => client.get(key)))).toEqual(keys);
    const sizes = await Promise.all(cluster.nodes.map((node) => node.client().dbsize()));
    expect(sizes).toHaveLength(3);
    expect(Math.min(...sizes)).toBeGreaterThan(0);
    expect(cluster.addresses).toEqual(cluster.nodes.map((node) => `127.0.0.1:${node.port}`));
  });

  it('sends clients to the owner of a slot by its loopback address', async () => {
    const [first, , last] = cluster.nodes;
    await expect(first?.client().set('foo', '1')).rejects.toThrow(`MOVED 12182 127.0.0.1:${last?.port}`);
  });
});
