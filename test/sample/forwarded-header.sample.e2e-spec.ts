import { Sample } from './support/sample.js';

const NAMED = '203.0.113.9';

/** What a device's list shows as the address of a login that came with such a header. */
async function addressShownBy(env: Record<string, string>): Promise<unknown> {
  const sample = await Sample.start({ env: { FORWARDED_HEADER: 'x-real-ip', ...env } });
  try {
    const login = await sample
      .anybody()
      .post('/auth/login')
      .set('X-Real-IP', NAMED)
      .send({ username: 'alice', password: 'correct-horse-alice', transport: 'bearer' });
    expect(login.status).toBe(200);
    const { body } = await sample
      .anybody()
      .get('/sessions')
      .set('Authorization', `Bearer ${(login.body as { token: string }).token}`);
    return (body as { sessions: { device: { ip: string } }[] }).sessions[0]?.device.ip;
  } finally {
    await sample.stop();
  }
}

describe('FORWARDED_HEADER', () => {
  it('says nothing without TRUST_PROXY, and does not stop the app', async () => {
    expect(await addressShownBy({})).toBe('127.0.0.1');
  });

  it('is where a trusted proxy says the client IP', async () => {
    expect(await addressShownBy({ TRUST_PROXY: '1' })).toBe(NAMED);
  });
});
