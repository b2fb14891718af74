import { Cluster, Redis } from 'ioredis';
import { adviceOn, redisClientOptions } from './client-options.js';

const clients: (Redis | Cluster)[] = [];
const keep = <T extends Redis | Cluster>(client: T): T => {
  clients.push(client);
  return client;
};
afterEach(() => {
  for (const client of clients.splice(0)) client.disconnect();
});

describe('the line on a client that the app made', () => {
  it('names redisClientOptions() and what is missing', () => {
    const advice = adviceOn(keep(new Redis({ lazyConnect: true })));
    expect(advice).toContain('redisClientOptions()');
    expect(advice).toContain('enableOfflineQueue: false');
    expect(advice).toContain('autoResendUnfulfilledCommands: false');
    expect(advice).toContain('maxRetriesPerRequest: 0');
    expect(advice?.split('\n')).toHaveLength(1);
    const nearly = keep(new Redis({ ...redisClientOptions(), lazyConnect: true, enableOfflineQueue: true }));
    expect(adviceOn(nearly)).toMatch(/without enableOfflineQueue: false: /);
    const cluster = keep(new Cluster([{ host: '127.0.0.1', port: 1 }], { lazyConnect: true }));
    expect(adviceOn(cluster)).toContain('enableOfflineQueue: false');
  });

  it('is not there where all is as it should be', () => {
    expect(adviceOn(keep(new Redis({ ...redisClientOptions(), lazyConnect: true })))).toBeUndefined();
    const options = { lazyConnect: true, enableOfflineQueue: false, redisOptions: redisClientOptions() };
    expect(adviceOn(keep(new Cluster([{ host: '127.0.0.1', port: 1 }], options)))).toBeUndefined();
  });
});
