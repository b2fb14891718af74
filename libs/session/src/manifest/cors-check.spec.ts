import { corsMismatches } from './cors-check.js';

const SPA = 'https://spa.example';
const OTHER = 'https://other.example';

function linesFor(given: readonly unknown[], allowedOrigins: readonly string[] = [SPA], more = {}) {
  return corsMismatches(given, {
    cookieEnabled: true,
    allowedOrigins,
    publicOrigin: 'https://api.example',
    ...more,
  });
}

it.each<[string, unknown]>([
  ['a text', { origin: SPA, credentials: true }],
  ['a list', { origin: [SPA], credentials: true }],
  ['an expression', { origin: /spa\.example$/, credentials: true }],
  ['expressions', { origin: [/other/, /spa/], credentials: true }],
  ['a function', { origin: () => undefined, credentials: true }],
  ['options for each request', () => undefined],
  ['our own besides', { origin: [SPA, 'https://api.example'], credentials: true }],
])('nothing is said where CORS agrees, or nobody can tell: %s', (_what, given) => {
  expect(linesFor([given])).toEqual([]);
});

it('nothing is said where Nest does no CORS, and where no cookie is taken', () => {
  expect(linesFor([])).toEqual([]);
  expect(linesFor([{ origin: OTHER, credentials: true }], [], { cookieEnabled: false })).toEqual([]);
  expect(linesFor([{ origin: OTHER }], [])).toEqual([]); // for bearer tokens
});

it.each<[string, unknown]>([
  ['without cookies', { origin: SPA }],
  ['for anybody', {}],
  ['for anybody, with cookies, which browsers refuse', { origin: '*', credentials: true }],
  ['for another expression', { origin: /other/, credentials: true }],
  ['switched off', { origin: false, credentials: true }],
])('an allowed origin that CORS keeps out is named: %s', (_what, given) => {
  expect(linesFor([given])).toEqual([expect.stringContaining(`${SPA} is in allowedOrigins`)]);
});

it('an origin is named that only CORS lets in, and so is all of them', () => {
  expect(linesFor([{ origin: [SPA, OTHER], credentials: true }])).toEqual([
    expect.stringContaining(`CORS lets ${OTHER} send the cookie`),
  ]);
  expect(linesFor([{ origin: true, credentials: true }])).toEqual([expect.stringContaining('every origin')]);
});

it('several calls count together', () => {
  expect(linesFor([{ origin: SPA, credentials: true }, { origin: '*' }])).toEqual([]);
});
