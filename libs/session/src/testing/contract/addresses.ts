/// <reference types="jest" />
import type { IpVerdict } from '../../model/ip-list.js';
import type { UserQuota } from '../../model/quota.js';
import type { TokenProof } from '../../storage/contract/session-repository.js';
import { type ContractTest, type OpenContract, forged } from './support.js';

const QUOTA: UserQuota = { name: 'posts', quota: 5, windowMs: 60_000, burst: 5, by: 'user' };

/** Where a user may come from: by the list in the record, and by what the caller says of roles. */
export function describeAddresses(open: OpenContract): void {
  const from = (clientIp: string | undefined): IpVerdict => ({ clientIp, refusedRoles: [] });
  const lookup = async (test: ContractTest, proof: TokenProof, ip?: IpVerdict) => {
    const known = await test.repository.authenticate(proof, {
      touchIfRoles: [],
      quotas: [QUOTA],
      ...(ip ? { ip } : {}),
    });
    if (known.kind !== 'known') throw new Error(`authenticate answered ${known.kind}`);
    return known;
  };
  const admits = async (test: ContractTest, proof: TokenProof, ip?: IpVerdict) =>
    (await lookup(test, proof, ip)).ipAllowed;

  describe("a user's own list", () => {
    it.each([
      [['10.0.0.0/8'], '10.255.0.1', true],
      [['10.0.0.0/8'], '11.0.0.1', false],
      [['10.9.9.9/8'], '10.1.1.1', true],
      [['192.0.2.7'], '192.0.2.7', true],
      [['192.0.2.7'], '192.0.2.8', false],
      [['192.0.2.0/31', '198.51.100.0/24'], '198.51.100.255', true],
      [['2001:DB8::/33'], '2001:db8:7fff::1', true],
      [['2001:db8::/33'], '2001:db8:8000::1', false],
      [['2001:db8::1'], '2001:db8::1', true],
      [['::/0'], '192.0.2.1', false],
      [['0.0.0.0/0'], '::1', false],
      [['::/0', '0.0.0.0/0'], '192.0.2.1', true],
      [[], '192.0.2.1', false],
    ])('%j, asked for %s: %s', async (ipAllowlist, clientIp, expected) => {
      const test = await open();
      const { proof } = await test.login();
      await test.change({ ipAllowlist });
      expect(await admits(test, proof, from(clientIp))).toBe(expected);
      expect((await test.user()).ipAllowlist).toEqual(ipAllowlist);
    });

    it('holds no address that is not known; without a list, that one is as good as any', async () => {
      const test = await open();
      const { proof } = await test.login();
      expect(await admits(test, proof)).toBe(true);
      expect(await admits(test, proof, from(undefined))).toBe(true);
      await test.change({ ipAllowlist: ['0.0.0.0/0', '::/0'] });
      expect(await admits(test, proof)).toBe(false);
      expect(await admits(test, proof, from(undefined))).toBe(false);
    });

    it('is not there before it is given, is kept by other changes, and can be taken away', async () => {
      const test = await open();
      await test.makeUser('ada');
      expect(await test.user()).not.toHaveProperty('ipAllowlist');
      const { version } = await test.change({ ipAllowlist: ['::1'] });
      const changed = await test.change({ roles: ['user'] });
      expect(changed).toMatchObject({ ipAllowlist: ['::1'], version: version + 1 });
      expect(await test.change({ ipAllowlist: null })).not.toHaveProperty('ipAllowlist');
      await test.makeUser('bob', { ipAllowlist: ['10.0.0.0/8'] });
      expect((await test.user('bob')).ipAllowlist).toEqual(['10.0.0.0/8']);
    });

    it('is written only over the version that was expected', async () => {
      const test = await open();
      const { version } = await test.makeUser();
      await test.change({ roles: ['user'] });
      const late = await test.repository.users.change({
        userId: 'ada',
        ifVersion: version,
        ipAllowlist: null,
      });
      expect(late.outcome).toBe('version_conflict');
    });

    it('comes with an equal source version only where there is none, and goes with a newer one', async () => {
      const test = await open();
      await test.makeUser('ada', { sourceVersion: 3 });
      const push = (ipAllowlist: readonly string[] | null, sourceVersion: number) =>
        test.change({ ipAllowlist, sourceVersion });
      expect(await push(['10.0.0.0/8'], 3)).toMatchObject({ ipAllowlist: ['10.0.0.0/8'] });
      expect(await push(['0.0.0.0/0'], 3)).toMatchObject({ ipAllowlist: ['10.0.0.0/8'] });
      expect(await push(null, 3)).toMatchObject({ ipAllowlist: ['10.0.0.0/8'] });
      expect(await push(['::1'], 4)).toMatchObject({ ipAllowlist: ['::1'] });
      expect(await push(null, 5)).not.toHaveProperty('ipAllowlist');
    });

    it('is loaded, and is left alone by a load that does not speak of it', async () => {
      const test = await open();
      await test.load({ ipAllowlist: ['::1'], sourceVersion: 1 });
      expect((await test.user()).ipAllowlist).toEqual(['::1']);
      const { version } = await test.user();
      await test.load({ ipAllowlist: ['::1'], sourceVersion: 2 });
      expect((await test.user()).version).toBe(version); // nothing new
      await test.load({ sourceVersion: 3 });
      await test.load({ ipAllowlist: null, sourceVersion: 3 });
      expect((await test.user()).ipAllowlist).toEqual(['::1']);
      await test.load({ ipAllowlist: null, sourceVersion: 4 });
      expect(await test.user()).not.toHaveProperty('ipAllowlist');
    });
  });

  describe('a role or a request that is refused', () => {
    it('refuses whoever has the role now, or everybody', async () => {
      const test = await open();
      const { proof } = await test.login();
      await test.change({ roles: ['user', 'admin'] });
      const refused = (...refusedRoles: string[]) => ({ clientIp: '::1', refusedRoles });
      expect(await admits(test, proof, refused('moderator', 'adm', 'admins'))).toBe(true);
      expect(await admits(test, proof, refused('moderator', 'admin'))).toBe(false);
      await test.change({ roles: ['user'] });
      expect(await admits(test, proof, refused('moderator', 'admin'))).toBe(true);
      expect(await admits(test, proof, { clientIp: '::1', refusedRoles: 'all' })).toBe(false);
    });
  });

  describe('a request from where it may not come', () => {
    it('is no activity and counts against no quota', async () => {
      const test = await open({ touchIntervalMs: 1 });
      const { proof, session } = await test.login();
      await test.change({ ipAllowlist: ['10.0.0.0/8'] });
      await test.advance(50);
      for (const ip of [
        from('11.0.0.1'),
        from(undefined),
        { clientIp: '10.0.0.1', refusedRoles: 'all' } as const,
      ]) {
        const refused = await lookup(test, proof, ip);
        expect(refused).toMatchObject({ status: 'live', ipAllowed: false, quotas: [] });
        expect(refused.session.lastSeenAt).toBe(session.lastSeenAt);
      }
      const admitted = await lookup(test, proof, from('10.0.0.1'));
      expect(admitted.quotas).toMatchObject([{ remaining: 4 }]);
      expect(admitted.session.lastSeenAt).toBeGreaterThan(session.lastSeenAt);
    });

    it('learns of it only with the right secret, and also of a session that has ended', async () => {
      const test = await open();
      const { proof, session } = await test.login();
      await test.change({ ipAllowlist: [] });
      const asked = { touchIfRoles: [], quotas: [], ip: from('::1') };
      expect(await test.repository.authenticate(forged(proof), asked)).toEqual({ kind: 'unknown' });
      await test.repository.revoke('ada', session.id, 'logout');
      expect(await lookup(test, proof, from('::1'))).toMatchObject({ status: 'revoked', ipAllowed: false });
    });
  });
}
