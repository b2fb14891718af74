import { expectProblem } from '../sample/support/client.js';
import { describeSample, newName, PASSWORD } from '../sample/support/sample.js';

describeSample('registration', (sample) => {
  describe('POST /auth/register', () => {
    it('makes an active user', async () => {
      const username = newName();
      const reply = await sample()
        .anybody()
        .post('/auth/register', { username, password: PASSWORD })
        .expect(201);
      expect(reply.body).toEqual({
        user: {
          id: expect.stringMatching(/^[A-Za-z0-9_-]{16}$/),
          username,
          roles: ['user'],
          status: 'active',
        },
      });
      expect(reply.headers['cache-control']).toBe('no-store');
      expect(reply.headers['set-cookie']).toBeUndefined();
    });

    it('takes a name in any spelling for the same name', async () => {
      const name = newName();
      const client = sample().anybody();
      const reply = await client
        .post('/auth/register', { username: name.toUpperCase().replace('P', 'Ｐ'), password: PASSWORD })
        .expect(201);
      expect(reply.body.user.username).toBe(name);
      expectProblem(
        await client.post('/auth/register', { username: name, password: PASSWORD }),
        409,
        'conflict',
      );
      await sample().anybody().login(name.toUpperCase(), PASSWORD);
    });

    it('gives a name once, however many ask at the same time', async () => {
      const username = newName();
      const replies = await Promise.all(
        Array.from({ length: 8 }, () =>
          sample().anybody().post('/auth/register', { username, password: PASSWORD }),
        ),
      );
      expect(replies.map(({ status }) => String(status)).sort()).toEqual(['201', ...Array(7).fill('409')]);
    });

    it.each([
      ['username', { username: 'ab', password: PASSWORD }],
      ['username', { username: 'a'.repeat(33), password: PASSWORD }],
      ['username', { username: 'with space', password: PASSWORD }],
      ['username', { username: 'dots.in', password: PASSWORD }],
      ['username', { username: '\u{1F600}\u{1F600}\u{1F600}', password: PASSWORD }],
      ['username', { username: 'ﷺ'.repeat(200), password: PASSWORD }],
      ['username', { username: ['alice'], password: PASSWORD }],
      ['username', { password: PASSWORD }],
      ['password', { username: 'somebody', password: 'seven77' }],
      ['password', { username: 'somebody', password: 'x'.repeat(129) }],
      ['password', { username: 'somebody', password: 12345678 }],
      ['password', { username: 'somebody', password: null }],
      ['roles', { username: 'somebody', password: PASSWORD, roles: ['admin'] }],
      ['constructor', { username: 'somebody', password: PASSWORD, constructor: 'x' }],
    ])('refuses a wrong %s', async (field, body) => {
      const reply = await sample().anybody().post('/auth/register', body);
      expectProblem(reply, 400, 'bad_request');
      expect(reply.body.errors).toEqual([{ field, message: expect.any(String) }]);
    });
  });
});
