import { SessionConfigurationError } from '../../model/session-error.js';
import type { SessionModuleOptions } from '../options.js';
import { checkTransport } from './network.js';

const SPA = 'https://a.example';

describe('allowedOrigins', () => {
  it('are taken as browsers write them', () => {
    const { sameSite, allowedOrigins } = checkTransport({
      allowedOrigins: [
        'HTTPS://App.Example:443/',
        'http://localhost:5173',
        'Capacitor://LocalHost',
        'https://bücher.example',
        'http://[::1]:80',
      ],
      cookie: { sameSite: 'none' },
    });
    expect(sameSite).toBe('none');
    expect(allowedOrigins).toEqual([
      'https://app.example',
      'http://localhost:5173',
      'capacitor://localhost',
      'https://xn--bcher-kva.example',
      'http://[::1]',
    ]);
  });

  it.each([
    '*',
    'null',
    '',
    null,
    'a.example',
    'https://*.example',
    'https://',
    'https://a.example/app',
    'https://a.example/?',
    'https://a.example#x',
    'https://user@a.example',
    'https://a.example:99999',
    'https://a.example\\x',
    ' https://a.example',
    'https:a.example',
    'file:///a',
    'file://a',
    'wss://a.example',
    'data://a',
  ])('%j stops the app', (origin) => {
    expectRefused('allowedOrigins[1]', { allowedOrigins: [SPA, origin] });
  });

  it('are a list, and what sameSite none needs', () => {
    expectRefused('allowedOrigins', { allowedOrigins: SPA });
    expectRefused('cookie.sameSite', { cookie: { sameSite: 'none' } });
    expectRefused('cookie.sameSite', { cookie: { sameSite: 'none' }, allowedOrigins: [] });
    expectRefused('cookie.sameSite', { cookie: { sameSite: 'None' }, allowedOrigins: [SPA] });
  });
});

function expectRefused(option: string, options: unknown): void {
  const check = () => checkTransport(options as SessionModuleOptions);
  expect(check).toThrow(SessionConfigurationError);
  expect(check).toThrow(expect.objectContaining({ option }));
}
