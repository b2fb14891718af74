import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RedisServer } from '../support/redis-server.js';
import { sessionsOn } from '../support/sessions-on.js';

describe('what Redis writes to its disk', () => {
  it('holds no credential, in no form, after logins and token changes', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'latchkey-dump-'));
    const server = await RedisServer.start({ args: ['--dir', dir, '--rdbcompression', 'no'] });
    const on = await sessionsOn(server.url);
    const tokens: string[] = [];
    for (let i = 0; i < 30; i++) {
      const issued = await on.sessions.create(`user-${i}`, { device: { name: 'laptop', ip: '192.0.2.7' } });
      tokens.push(issued.token);
      if (i % 2) tokens.push((await on.sessions.replaceToken(issued.session)).token);
    }
    await server.client().save();
    const dump = readFileSync(join(dir, 'dump.rdb'));

    expect(dump.includes('laptop')).toBe(true); // it is the right file, and readable
    for (const token of tokens) {
      const secret = token.slice(-43);
      expect(dump.includes(token)).toBe(false);
      expect(dump.includes(secret)).toBe(false);
      expect(dump.includes(secret.slice(0, 20))).toBe(false);
      expect(dump.includes(Buffer.from(secret, 'base64url'))).toBe(false);
    }
    await on.close();
    await server.stop();
    rmSync(dir, { recursive: true });
  });
});
