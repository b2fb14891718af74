import { loginAs } from '@latchkey/session/testing';
import { PLATFORMS, startApp, stopApps, type RunningApp } from '../support/library-app.js';
import { controllers } from './support/transport-controllers.js';

describe.each(PLATFORMS)('transports as the options have them, on $name', (platform) => {
  afterEach(stopApps);

  it('looks for no cookie where only bearer tokens are taken', async () => {
    const running = await startApp({
      platform,
      controllers,
      session: { guard: 'global', transports: ['bearer'] },
    });
    const { cookie, authorization, headers } = await loginAs(running.app, { userId: 'alice' });
    expect(headers).toEqual({ authorization });
    expect((await running.http.get('/things').set({ cookie })).body.code).toBe('session_missing');
    expect((await running.http.get('/things').set({ cookie, authorization })).status).toBe(200);
  });

  it('looks for no bearer token where only the cookie is taken', async () => {
    const session = {
      guard: 'global',
      transports: ['cookie'],
      cookie: { name: '__Host-id', sameSite: 'strict' },
    } as const;
    const running = await startApp({ platform, controllers, session });
    const { cookie, authorization, headers, token } = await loginAs(running.app, { userId: 'alice' });
    expect(headers).toEqual({ cookie: `__Host-id=${token}` });
    expect((await running.http.get('/things').set({ authorization })).body.code).toBe('session_missing');
    expect((await running.http.get('/things').set({ cookie, authorization })).status).toBe(200);
    const reply = await running.http.post('/auth/login').send({ userId: 'bob' });
    expect(reply.headers['set-cookie']?.at(-1)).toMatch(/^__Host-id=lk_.*SameSite=Strict/);
  });

  it('takes its own origin from publicOrigin', async () => {
    const session = { guard: 'global', publicOrigin: 'https://app.example' } as const;
    const running = await startApp({ platform, controllers, session });
    const { cookie } = await loginAs(running.app, { userId: 'alice' });
    const host = new URL(await running.app.getUrl()).host;
    const post = (origin: string) => running.http.post('/things').set({ cookie, origin });
    expect((await post('https://app.example')).status).toBe(201);
    expect((await post(`http://${host}`)).body.code).toBe('cross_origin');
  });

  it('takes the client IP from trusted proxies alone, in one header alone', async () => {
    const ipOf = async ({ http }: RunningApp, headers: Record<string, string>) =>
      (await http.post('/auth/read').set(headers)).body.ip as string | null;
    const forged = { 'x-forwarded-for': '6.6.6.6, 192.0.2.1', forwarded: 'for=6.6.6.6, for="[2001:db8::7]"' };

    const direct = await startApp({ platform, controllers });
    expect(await ipOf(direct, forged)).toBe('127.0.0.1');
    const behindOne = await startApp({ platform, controllers, session: { trustProxy: 1 } });
    expect(await ipOf(behindOne, forged)).toBe('192.0.2.1');
    expect(await ipOf(behindOne, { 'x-forwarded-for': '192.0.2.1, junk' })).toBeNull();
    const byCidr = await startApp({
      platform,
      controllers,
      session: { trustProxy: ['127.0.0.0/8', '192.0.2.0/24'], forwardedHeader: 'forwarded' },
    });
    expect(await ipOf(byCidr, forged)).toBe('2001:db8::7');
  });
});
