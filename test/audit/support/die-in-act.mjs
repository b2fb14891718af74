// A node that dies in the middle of an act: after the user is blocked, and before the audit log is told that it is done.
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { AuditLog, SessionModule, UserStateService } from '../../../dist/libs/session/src/index.js';

const app = await NestFactory.createApplicationContext(
  SessionModule.forRoot({ redis: process.env.REDIS_URL, commandTimeoutMs: 2_000 }),
  { logger: false },
);
const act = {
  action: 'user.block',
  actorId: 'mia',
  targetId: 'alice',
  ip: '192.0.2.7',
  details: { reason: 'Spam' },
};
await app.get(AuditLog).record(act, async () => {
  await app.get(UserStateService).block('alice', { reason: 'Spam', by: 'mia' });
  process.kill(process.pid, 'SIGKILL');
});
