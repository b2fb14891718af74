import request from 'supertest';
import { Sample } from '../sample/support/sample.js';

const SPA = 'https://spa.example';
const CREDENTIALS = { username: 'alice', password: 'correct-horse-alice' };

describe('the sample with ALLOWED_ORIGINS', () => {
  let sample: Sample;
  beforeAll(async () => void (sample = await Sample.start({ env: { ALLOWED_ORIGINS: SPA } })));
  afterAll(() => sample.stop());

  it('lets pages of them log in and post, and read the replies', async () => {
    const headers = { origin: SPA, 'sec-fetch-site': 'cross-site' };
    const preflight = await request(sample.url)
      .options('/posts')
      .set({ ...headers, 'access-control-request-method': 'POST' });
    const login = await request(sample.url).post('/auth/login').set(headers).send(CREDENTIALS).expect(200);
    const [cookie = ''] = (login.headers['set-cookie'] as unknown as string[])[0]?.split(';') ?? [];
    const post = await request(sample.url)
      .post('/posts')
      .set({ ...headers, cookie })
      .send({ text: 'from elsewhere' })
      .expect(201);
    for (const reply of [preflight, login, post]) {
      expect(reply.headers['access-control-allow-origin']).toBe(SPA);
      expect(reply.headers['access-control-allow-credentials']).toBe('true');
    }
  });

  it('refuses others as before', async () => {
    const headers = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
    const login = await request(sample.url).post('/auth/login').set(headers).send(CREDENTIALS).expect(403);
    expect(login.body.code).toBe('cross_origin');
    expect(login.headers['access-control-allow-origin']).toBeUndefined();
  });
});
