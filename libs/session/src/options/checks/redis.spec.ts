import { Cluster, Redis } from 'ioredis';
import { createClient, createCluster } from 'redis';
import { checkOptions } from './options-check.js';
import type { SessionModuleOptions } from '../options.js';

const check = (redis: unknown) => checkOptions({ redis } as SessionModuleOptions, 'test');
const storageOf = (redis: unknown) => check(redis).storage;
const nodes = [{ url: 'redis://127.0.0.1:1' }];

describe('the option redis', () => {
  it.each<[given: string, redis: unknown, message: string | RegExp]>([
    ['{ url }', { url: 'redis://10.1.2.3' }, 'redis is an object with url, which ioredis does not read'],
    ['{ host, url }', { host: 'a', url: 'redis://b' }, 'redis is an object with url'],
    [
      '{ socket }',
      { socket: { host: '10.1.2.3', port: 6_380 } },
      'redis is options of the package redis (node-redis)',
    ],
    ['{}', {}, 'redis is {}, which would mean 127.0.0.1:6379'],
    [
      'no place',
      { password: 'hunter2', db: 1 },
      'redis is an object with only password, db, which would mean',
    ],
    ['a misspelt place', { hots: 'cache' }, 'redis is an object with only hots'],
    ['a Map', new Map([['host', 'cache']]), 'redis is a Map that is not an ioredis client'],
    ['a node-redis client', createClient(), 'redis is a client of the package redis (node-redis)'],
    ['a node-redis cluster', createCluster({ rootNodes: nodes }), 'redis is a client of the package redis'],
    ['the nodes of a Cluster', { rootNodes: nodes }, 'redis is the nodes of a Cluster under another name'],
    ['no nodes', { cluster: [] }, 'redis.cluster is of no use'],
    ['nodes without a host', { cluster: [{ port: 6_379 }] }, 'redis.cluster is of no use'],
    ['nodes as texts', { cluster: ['10.0.0.1:7000'] }, 'redis.cluster is of no use'],
    ['a list', nodes, 'redis is a list'],
    ['a number', 6_379, 'redis is a number'],
    ['true', true, 'redis is a boolean'],
    ['a promise', Promise.resolve('redis://cache'), 'redis is a promise: await it'],
    ['a function', () => 'redis://cache', 'redis is a function: give what it returns'],
    ['the class', Redis, 'redis is a function'],
    ['a missing host', { host: undefined, port: 6_379 }, 'redis.host is empty (undefined)'],
    ['an empty host', { host: '' }, 'redis.host is empty ("")'],
    ['a missing port', { host: 'cache', port: undefined }, 'redis.port is empty (undefined)'],
    ['no port', { host: 'cache', port: NaN }, 'redis.port is of no use (number)'],
    ['no sentinels', { sentinels: [], name: 'm' }, 'redis.sentinels is of no use'],
    [
      'sentinels of nobody',
      { sentinels: [{ host: 'a' }] },
      'redis is sentinels without name, the primary that they watch',
    ],
    ["''", '', "redis is ''. Give a"],
    ['no scheme', 'cache:6379', 'redis is a text that is not a Redis URL'],
    ['another scheme', 'http://:hunter2@cache', 'redis is a text that is not a Redis URL'],
    ['no host', 'redis://', 'redis is a URL without a host, which would mean 127.0.0.1:6379'],
    ['no host but a database', 'redis:///0', 'redis is a URL without a host'],
    ['no port that is one', 'redis://cache:port', 'redis is a URL that cannot be read'],
    ['no database', 'redis://cache/sessions', 'redis is a URL whose path is not a database number'],
    ['a URL of something else', new URL('https://cache'), 'redis is a text that is not a Redis URL'],
  ])('says what was given and what is wanted: %s', (_, redis, message) => {
    expect(() => check(redis)).toThrow(message);
    expect(() => check(redis)).toThrow(
      /Give a redis:\/\/ or rediss:\/\/ URL|is a setting missing|path is not/,
    );
    expect(() => check(redis)).not.toThrow('hunter2');
  });

  it.each([
    'redis://:hunter/2@host',
    'redis://:p@ss/hunter2#rd@host',
    'redis://:hunter2#x@host:6379/0',
    'rediss://user:hunter2?@host',
    'redis://:hunter2%zz@host',
    'redis://:x/hunter2?a=b@host/0',
  ])('names the cause of a password that is not encoded, and not the password: %s', (url) => {
    expect(() => check(url)).toThrow('whose user name or password is not encoded: write each / ? # @ %');
    expect(() => check(url)).not.toThrow('hunter');
  });

  it('takes URLs, as text or as objects, ioredis options and clients', () => {
    const urls = [
      'redis://cache',
      'redis://cache:6380/2',
      'rediss://user:p%40ss%2Fw%23rd@cache:6380/0',
      'redis://:p@ss@cache',
      'redis://[::1]:6379/1',
      'redis://cache/0?family=6&password=a@b',
    ];
    for (const url of urls) expect(storageOf(url)).toMatchObject({ redis: url });
    expect(storageOf(new URL('redis://:p%40ss@cache/1'))).toMatchObject({ redis: 'redis://:p%40ss@cache/1' });
    const options = [
      { host: 'cache' },
      { port: 6_380 },
      { host: 'cache', port: '6380', tls: {}, lazyConnect: true },
      { path: '/run/redis.sock' },
      { sentinels: [{ host: 'a', port: 1 }], name: 'main' },
      Object.assign(Object.create(null) as object, { host: 'cache' }),
    ];
    for (const one of options) expect(storageOf(one)).toMatchObject({ redis: one });
    const client = new Redis({ lazyConnect: true });
    const cluster = new Cluster([{ host: '127.0.0.1', port: 1 }], { lazyConnect: true });
    for (const one of [client, cluster]) {
      expect((storageOf(one) as { redis: unknown }).redis).toBe(one);
      one.disconnect();
    }
  });
});
