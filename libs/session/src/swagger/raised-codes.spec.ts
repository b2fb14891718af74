import { codesOf } from './raised-codes.js';
import type { Served } from './served.js';

const codes = (entry: Partial<Served['entry']>) =>
  codesOf({
    entry: {
      kind: 'http',
      method: 'GET',
      path: '/search',
      handler: 'Search.find',
      access: 'public',
      ...entry,
    },
    isEnforced: true,
    method: 'GET',
    realm: { settings: { transport: { cookieEnabled: false } } },
  } as unknown as Served);

it('a public handler whose quotas are counted locally is refused for those alone', () => {
  const quotas = [{ name: 'search', quota: 2 }];
  expect(codes({ quotas })).toEqual(['rate_limited', 'session_store_unavailable']);
  expect(codes({ quotas, onStoreFailure: 'local-quota' })).toEqual(['rate_limited']);
});
