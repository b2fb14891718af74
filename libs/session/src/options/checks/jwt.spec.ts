import { SessionConfigurationError } from '../../model/session-error.js';
import { checkOptions } from './options-check.js';

const jwt = { algorithm: 'EdDSA', issuer: 'https://app.example', audience: 'api', keys: [] } as const;

describe('the options of access tokens', () => {
  it('are opaque tokens by default', () => {
    expect(checkOptions({}, 'test').accessToken).toEqual({ kind: 'opaque' });
  });

  it('take what they are given', () => {
    expect(checkOptions({ accessToken: 'jwt', jwt }, 'test').accessToken).toEqual({
      kind: 'jwt',
      ...jwt,
      clockToleranceMs: 30_000,
    });
  });

  it.each<[string, object]>([
    ['accessToken', { accessToken: 'JWT', jwt }],
    ['jwt ', { accessToken: 'jwt' }],
    ['jwt ', { jwt }],
    ['jwt ', { accessToken: 'opaque', jwt }],
    ['jwt.algorithm', { accessToken: 'jwt', jwt: { ...jwt, algorithm: 'none' } }],
    ['jwt.algorithm', { accessToken: 'jwt', jwt: { ...jwt, algorithm: ['EdDSA', 'ES256'] } }],
    ['jwt.algorithm', { accessToken: 'jwt', jwt: { ...jwt, algorithm: undefined } }],
    ['jwt.issuer', { accessToken: 'jwt', jwt: { ...jwt, issuer: '' } }],
    ['jwt.issuer', { accessToken: 'jwt', jwt: { ...jwt, issuer: undefined } }],
    ['jwt.audience', { accessToken: 'jwt', jwt: { ...jwt, audience: ['a', 'b'] } }],
    ['jwt.audience', { accessToken: 'jwt', jwt: { ...jwt, audience: 'a b' } }],
    ['jwt.keys', { accessToken: 'jwt', jwt: { ...jwt, keys: 'secret' } }],
    ['jwt.keys', { accessToken: 'jwt', jwt: { ...jwt, keys: undefined } }],
    ['jwt.clockTolerance', { accessToken: 'jwt', jwt: { ...jwt, clockTolerance: '6m' } }],
    ['jwt.clockTolerance', { accessToken: 'jwt', jwt: { ...jwt, clockTolerance: -1 } }],
    [
      'jwt.algorithms is an unknown option: did you mean jwt.algorithm?',
      { accessToken: 'jwt', jwt: { ...jwt, algorithms: [] } },
    ],
  ])('name %s when it cannot work', (named, options) => {
    const check = () => checkOptions(options, 'test');
    expect(check).toThrow(SessionConfigurationError);
    expect(check).toThrow(`@latchkey/session: ${named}`);
  });
});
