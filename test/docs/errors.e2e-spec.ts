import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SessionError, type SessionErrorCode } from '@latchkey/session';

/** The compiler demands every code here, and refuses any other. */
const CODES: Record<SessionErrorCode, true> = {
  ambiguous_credentials: true,
  bad_request: true,
  cross_origin: true,
  epoch_changed: true,
  forbidden: true,
  ip_not_allowed: true,
  not_durable: true,
  rate_limited: true,
  reauthentication_required: true,
  service_token_invalid: true,
  service_token_missing: true,
  session_expired: true,
  session_invalid: true,
  session_limit_reached: true,
  session_missing: true,
  session_revoked: true,
  session_store_unavailable: true,
  token_invalid: true,
  too_large: true,
  too_many_connections: true,
  user_blocked: true,
  user_unknown: true,
  version_conflict: true,
  would_lock_out: true,
};

it('docs/errors.md has every code once, and no other, with its status', () => {
  const page = readFileSync(join(__dirname, '../../docs/errors.md'), 'utf8');
  const rows = [...page.matchAll(/^\| `(\w+)` +\| +(\d+) \|/gm)].map(([, code, status]) => [
    code,
    Number(status),
  ]);
  const codes = Object.keys(CODES) as SessionErrorCode[];
  const expected = codes.map((code) => [code, new SessionError(code).statusCode]);
  const byCode = ([a]: unknown[], [b]: unknown[]): number => String(a).localeCompare(String(b));
  expect(rows.toSorted(byCode)).toEqual(expected.toSorted(byCode));
});
