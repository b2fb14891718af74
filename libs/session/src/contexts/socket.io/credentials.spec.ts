import type { IncomingMessage } from 'node:http';
import { SessionError } from '../../model/session-error.js';
import type { TransportSettings } from '../../options/settings.js';
import { readIoCredentials } from './credentials.js';

describe('readIoCredentials()', () => {
  const settings = { cookieEnabled: true, bearerEnabled: true, cookieName: 'session' } as TransportSettings;
  const read = (query: string, headers: IncomingMessage['headers'], auth: unknown = {}) =>
    readIoCredentials({ url: `/socket.io/${query}`, headers } as IncomingMessage, auth, settings);

  // engine.io decodes the names before it looks for them.
  it.each(['?EIO=4&j=0', '?j', '?%6A=0', '?%6a=0', '?EIO=4&transport=polling&%6A=1', '?a=1&j=0#x'])(
    'takes no cookie by JSONP: %s',
    (query) => {
      expect(() => read(query, { cookie: 'session=abc' })).toThrow(new SessionError('cross_origin'));
      expect(read(query, {}, { token: 'abc' })).toEqual({ token: 'abc', transport: 'bearer' });
    },
  );

  it.each(['', '?EIO=4', '?jj=1', '?a=j'])('takes a cookie by anything else: %s', (query) => {
    expect(read(query, { cookie: 'session=abc' })).toEqual({ token: 'abc', transport: 'cookie' });
  });
});
