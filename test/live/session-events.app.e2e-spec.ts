import { SessionEvents, type SessionEventName } from '@latchkey/session';
import { startApp, stopApps } from '../support/library-app.js';

afterEach(stopApps);

describe('SessionEvents', () => {
  it.each([
    'no.such.event',
    'user.block',
    'USER.BLOCKED',
    '',
    'constructor',
    undefined,
    null,
    5,
    Symbol('a'),
  ])('know no event %p, and name those that there are', async (name) => {
    const { app } = await startApp({ controllers: [] });
    const events = app.get(SessionEvents);
    const refusal = expect.objectContaining({
      name: 'TypeError',
      message: expect.stringMatching(/^name must be 'session\.created' or .*'user\.blocked'/),
    });
    await expect(events.on(name as SessionEventName, () => undefined)).rejects.toEqual(refusal);
    expect(() => events.off(name as SessionEventName, () => undefined)).toThrow(refusal);
  });

  it.each([undefined, null, 'listener', {}, Promise.resolve()])(
    'need a function to call, not %p',
    async (listener) => {
      const { app } = await startApp({ controllers: [] });
      const events = app.get(SessionEvents);
      const refusal = 'listener must be a function';
      await expect(events.on('user.blocked', listener as never)).rejects.toThrow(refusal);
      expect(() => events.off('user.blocked', listener as never)).toThrow(refusal);
      await expect(events.forwardTo(listener as never)).rejects.toThrow('emitter.emit must be a function');
    },
  );
});
