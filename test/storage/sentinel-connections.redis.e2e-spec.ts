import { setTimeout as sleep } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import { SessionEvents, SessionModule, UserStateService } from '@latchkey/session';
import { SentinelGroup } from '../support/sentinel-group.js';

it('connections that a server drops leave none open to the Sentinels', async () => {
  const group = await SentinelGroup.start();
  const [primary] = group.servers;
  const app = await NestFactory.createApplicationContext(SessionModule.forRoot({ redis: group.place }), {
    logger: false,
  });
  try {
    let heard = 0;
    void app.get(SessionEvents).on('user.blocked', () => void (heard += 1));
    await app.get(UserStateService).ensure('ada');
    const admin = primary.client();
    const dropAll = async () => {
      for (const type of ['pubsub', 'normal'])
        await admin.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');
      await sleep(150); // for as long it asks a Sentinel, too
    };
    await dropAll();
    const before = await group.connections();
    for (let i = 0; i < 20; i++) await dropAll();
    expect((await group.connections()) - before).toBeLessThan(5);
    await sleep(300);
    await app.get(UserStateService).block('ada', { reason: 'spam' });
    await sleep(100);
    expect(heard).toBe(1);
    await app.close();
    await sleep(300);
    expect(await group.connections()).toBeLessThan(6); // those of the servers and of the test
  } finally {
    await app.close();
    await group.stop();
  }
}, 30_000);
