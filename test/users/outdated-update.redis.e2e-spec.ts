import { RedisServer } from '../support/redis-server.js';
import { sessionsOn } from '../support/sessions-on.js';

it('an update with an outdated source version is refused, and says so: whoever blocks must not believe it', async () => {
  const server = await RedisServer.start();
  const on = await sessionsOn(server.url);
  try {
    await on.users.update('ada', { roles: ['user'], block: null, sourceVersion: 7 });
    const { token } = await on.sessions.create('ada');
    const stale = { roles: ['user'], block: { reason: 'spam' }, sourceVersion: 6 } as const;
    await expect(on.users.update('ada', stale)).rejects.toMatchObject({
      code: 'version_conflict',
      message: expect.stringMatching(/sourceVersion 6.*7.*nothing was changed/),
    });
    await on.sessions.authenticate(token);
    await on.users.update('ada', { ...stale, sourceVersion: 7 });
    await expect(on.sessions.authenticate(token)).rejects.toMatchObject({ code: 'user_blocked' });
  } finally {
    await on.close();
    await server.stop();
  }
});
