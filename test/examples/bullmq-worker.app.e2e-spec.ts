import type { INestApplication } from '@nestjs/common';
import { SessionService, UserStateService } from '@latchkey/session';
import { expectDenied, loginAs, type LoggedIn } from '@latchkey/session/testing';
import { type Job, Queue, QueueEvents } from 'bullmq';
import request from 'supertest';
import { start } from '../../examples/bullmq-worker/app.js';
import { RedisServer } from '../support/redis-server.js';
import { until } from './support/until.js';

/** More than a job gets done before anything that a test does. */
const MANY = Array.from({ length: 1_000 }, (_, i) => `post-${i}`);
const REFUSED = 'The user may not act any more';

describe('examples/bullmq-worker, by bullmq on a real Redis', () => {
  let redis: RedisServer;
  let app: INestApplication;
  let queue: Queue;
  let events: QueueEvents;

  beforeAll(async () => {
    redis = await RedisServer.start({ args: ['--maxmemory-policy', 'noeviction'] });
    process.env['REDIS_URL'] = redis.url;
    const connection = { url: redis.url };
    [queue, events] = [new Queue('cleanup', { connection }), new QueueEvents('cleanup', { connection })];
    await events.waitUntilReady();
    app = await start(0);
  });
  afterAll(async () => {
    await Promise.all([queue?.close(), events?.close()]);
    await app?.close();
    await redis?.stop();
    delete process.env['REDIS_URL'];
  });

  const post = ({ headers }: LoggedIn, postIds: readonly string[]) =>
    request(app.getHttpServer()).post('/cleanups').set(headers).send({ postIds });
  async function begun(by: LoggedIn, postIds: readonly string[]): Promise<Job> {
    const { body } = await post(by, postIds).expect(201);
    return (await queue.getJob((body as { id: string }).id)) as Job;
  }
  const outcomeOf = (job: Job) =>
    job.waitUntilFinished(events, 20_000).catch((error: Error) => error.message);
  const effectsOf = async (job: Job) => (await queue.getJobLogs(job.id as string)).count;

  it('does what the user may, and keeps no token', async () => {
    const [ada, eve] = [
      await loginAs(app, { userId: 'ada', roles: [] }),
      await loginAs(app, { userId: 'eve', roles: ['editor'] }),
    ];
    await expectDenied(post(ada, ['1']), 'forbidden');
    const job = await begun(eve, ['1', '2']);
    expect(await outcomeOf(job)).toBe(2);
    expect(Object.keys(job.data as object).sort()).toEqual(['epoch', 'postIds', 'userId']);
  });

  it.each<[string, (userId: string) => Promise<unknown>]>([
    ['a block', (userId) => app.get(UserStateService).block(userId, { reason: 'spam' })],
    ['a demotion', (userId) => app.get(UserStateService).setRoles(userId, [])],
    ['a logout everywhere', (userId) => app.get(SessionService).revokeAll(userId)],
  ])('stops in the middle after %s, and is not tried again', async (act, doIt) => {
    const user = await loginAs(app, { userId: `bob after ${act}`, roles: ['editor'] });
    const job = await begun(user, MANY);
    await until(async () => (await effectsOf(job)) > 2);
    await doIt(user.user.id);
    const done = await effectsOf(job);
    expect(await outcomeOf(job)).toBe(REFUSED);
    expect((await effectsOf(job)) - done).toBeLessThanOrEqual(1); // whose check came before
    expect((await queue.getJob(job.id as string))?.attemptsMade).toBe(1);
  });
});
