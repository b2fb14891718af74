import { Controller, Get, Req, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import {
  AllowExpired,
  CurrentUser,
  IpAllowlist,
  IpAllowlists,
  IpDenylist,
  OptionalSession,
  PolicyManifest,
  Public,
  RateLimit,
  Roles,
  SessionConfigurationError,
  SessionGuard,
  UserStateService,
  type UserState,
} from '@latchkey/session';
import { SessionPassportModule } from '@latchkey/session/passport';
import { loginAs, SessionTestingModule } from '@latchkey/session/testing';
import { Test } from '@nestjs/testing';
import { bootFailure, PLATFORMS, startApp, stopApps, type RunningApp } from '../support/library-app.js';

const OFFICE = '198.51.100.7';
const HOME = '203.0.113.9';
const VPN = '2001:db8::7';

@IpAllowlist(['198.51.100.0/24', '2001:db8::/32'])
@Controller('office')
class Office {
  @Get()
  any() {
    return {};
  }

  @IpDenylist([VPN])
  @IpAllowlist(['0.0.0.0/0', '2001:db8::/120'])
  @Get('no-vpn')
  noVpn() {
    return {};
  }

  @Public()
  @Get('public')
  open() {
    return {};
  }

  @AllowExpired()
  @Get('expired')
  expired() {
    return {};
  }

  @Roles('moderator')
  @RateLimit({ name: 'counted', quota: 5, window: '1m', by: 'user' })
  @RateLimit({ name: 'counted-ip', quota: 5, window: '1m', by: 'ip' })
  @Get('counted')
  counted() {
    return {};
  }
}

@Controller()
class Anywhere {
  @Get('any')
  any(@CurrentUser() user: UserState) {
    return user.roles;
  }

  @IpAllowlist('named')
  @Get('named')
  named() {
    return {};
  }

  @IpDenylist('denied')
  @Get('not-denied')
  notDenied() {
    return {};
  }

  @Public()
  @IpAllowlist('named')
  @RateLimit({ name: 'public', quota: 1, window: '1h', by: 'ip' })
  @Get('public-named')
  publicNamed() {
    return {};
  }

  @OptionalSession()
  @IpAllowlist('named')
  @Get('optional-named')
  optionalNamed(@CurrentUser() user: UserState | undefined) {
    return { user: user?.id ?? null };
  }

  @Public()
  @Get('open')
  open() {
    return {};
  }
}

@Controller()
class Passported {
  @UseGuards(AuthGuard('latchkey'))
  @Get('passport')
  me(@Req() request: { user: unknown }) {
    return request.user;
  }
}

describe.each(PLATFORMS)('where requests may come from, on $name', (platform) => {
  let running: RunningApp;
  const start = async (ipPolicy?: NonNullable<Parameters<typeof startApp>[0]['session']>['ipPolicy']) => {
    running = await startApp({
      platform,
      controllers: [Office, Anywhere],
      session: { guard: 'global', trustProxy: 1, ...(ipPolicy ? { ipPolicy } : {}) },
    });
  };
  beforeEach(() => start());
  afterEach(stopApps);

  const login = async (...roles: string[]) =>
    (await loginAs(running.app, { userId: `user-${roles.join('-')}`, roles })).token;
  const users = () => running.app.get(UserStateService, { strict: false });
  const lists = () => running.app.get(IpAllowlists, { strict: false });
  const ask = async (path: string, ip: string, token?: string) => {
    const request = running.http.get(path).set('X-Forwarded-For', ip);
    const { status, body, headers } = await (token ? request.auth(token, { type: 'bearer' }) : request);
    return { status, code: body.code as string | undefined, body, headers };
  };
  const codes = async (path: string, ips: readonly string[], token?: string) => {
    const replies = [];
    for (const ip of ips) replies.push(await ask(path, ip, token));
    return replies.map(({ status, code }) => (status === 200 ? 200 : code));
  };

  it('lets in whom every list of class and handler holds, also on public handlers', async () => {
    const token = await login();
    const from = [OFFICE, VPN, HOME, 'unknown'];
    expect(await codes('/office', from, token)).toEqual([200, 200, 'ip_not_allowed', 'ip_not_allowed']);
    expect(await codes('/office/no-vpn', [...from, '2001:db8::8', '2001:db8::ffff'], token)).toEqual([
      200,
      'ip_not_allowed',
      'ip_not_allowed',
      'ip_not_allowed',
      200,
      'ip_not_allowed',
    ]);
    expect(await codes('/office/public', from)).toEqual([200, 200, 'ip_not_allowed', 'ip_not_allowed']);
    expect(await codes('/any', from, token)).toEqual([200, 200, 200, 200]);
  });

  it('answers 403 with problem+json, after what is wrong with the session and before quotas and roles', async () => {
    const refused = await ask('/office/counted', HOME, await login());
    expect(refused).toMatchObject({
      status: 403,
      body: { type: 'urn:problem-type:latchkey:ip_not_allowed', code: 'ip_not_allowed' },
    });
    expect(refused.headers['ratelimit']).toBe('"counted";r=5;t=0, "counted-ip";r=5;t=0'); // untouched
    expect(refused.headers['content-type']).toContain('application/problem+json');
    expect(await codes('/office', [HOME])).toEqual(['session_missing']);
    expect(await codes('/office', [HOME], 'nonsense')).toEqual(['session_invalid']);
    const token = await login('moderator');
    await users().block('user-moderator', { reason: 'spam' });
    expect(await codes('/office', [HOME], token)).toEqual(['user_blocked']);
    await users().unblock('user-moderator');
    expect(await codes('/office', [HOME], token)).toEqual(['session_revoked']);
    const late = await login('late');
    running.clock.advance(2 * 3_600_000);
    expect(await codes('/office', [HOME], late)).toEqual(['session_expired']);
    expect(await codes('/office/expired', [HOME, OFFICE], late)).toEqual(['ip_not_allowed', 200]);
  });

  it('counts nobody whom it refuses: neither the user nor the address, and there is no call for it', async () => {
    const token = await login('moderator');
    running.calls.length = 0;
    for (let i = 0; i < 10; i++)
      expect(await codes('/office/counted', [HOME], token)).toEqual(['ip_not_allowed']);
    expect(running.calls).toEqual(Array(10).fill('authenticate'));
    const { headers } = await ask('/office/counted', OFFICE, token);
    expect(headers['ratelimit']).toContain('"counted";r=4');
    expect(headers['ratelimit']).toContain('"counted-ip";r=4');
  });

  it('goes by named lists as they are now; one that is missing lets nobody in, whichever way it is used', async () => {
    const token = await login();
    const check = async () => [
      ...(await codes('/named', [OFFICE, HOME], token)),
      ...(await codes('/not-denied', [OFFICE, HOME, 'unknown'], token)),
    ];
    const no = 'ip_not_allowed';
    expect(await check()).toEqual([no, no, no, no, no]);
    await lists().set('named', []);
    await lists().set('denied', []);
    expect(await check()).toEqual([no, no, 200, 200, no]);
    await lists().set('named', [OFFICE]);
    await lists().set('denied', [HOME]);
    expect(await check()).toEqual([200, no, 200, no, no]);
    await lists().set('named', [HOME]);
    expect(await check()).toEqual([no, 200, 200, no, no]);
  });

  it('asks those without a session too, before their quota is counted', async () => {
    await lists().set('named', [OFFICE]);
    const token = await login();
    expect(await codes('/public-named', [HOME, HOME, HOME])).toEqual(Array(3).fill('ip_not_allowed'));
    expect(await codes('/public-named', [OFFICE, OFFICE])).toEqual([200, 'rate_limited']);
    await lists().set('named', [OFFICE, HOME]);
    expect(await codes('/public-named', [HOME, HOME])).toEqual([200, 'rate_limited']);
    await lists().set('named', [OFFICE]);
    expect(await codes('/optional-named', [HOME])).toEqual(['ip_not_allowed']);
    expect(await codes('/optional-named', [HOME], token)).toEqual(['ip_not_allowed']);
    expect(await codes('/optional-named', [HOME], 'nonsense')).toEqual(['ip_not_allowed']);
    expect((await ask('/optional-named', OFFICE)).body).toEqual({ user: null });
    expect((await ask('/optional-named', OFFICE, token)).body).toEqual({ user: 'user-' });
  });

  it("holds a user to a list of the user's own, in every session and from the next request on", async () => {
    const token = await login('user');
    const receipt = await users().setIpAllowlist('user-user', ['198.51.100.0/24']);
    expect(receipt).toMatchObject({ userId: 'user-user', sessions: 0, nodes: { expired: 0 } });
    expect(await codes('/any', [OFFICE, HOME, 'unknown'], token)).toEqual([
      200,
      'ip_not_allowed',
      'ip_not_allowed',
    ]);
    expect((await users().get('user-user'))?.ipAllowlist).toEqual(['198.51.100.0/24']);
    expect(await codes('/optional-named', [HOME], token)).toEqual(['ip_not_allowed']);
    expect(await codes('/open', [HOME], token)).toEqual([200]);
    await users().setIpAllowlist('user-user', []);
    expect(await codes('/any', [OFFICE], token)).toEqual(['ip_not_allowed']);
    await users().setIpAllowlist('user-user', null);
    expect(await codes('/any', [HOME, 'unknown'], token)).toEqual([200, 200]);
  });

  it('holds whoever has a role to the list of that role, and takes them at their roles of now', async () => {
    await stopApps();
    await start({ roles: { admin: ['198.51.100.0/24'], moderator: 'named' } });
    const [user, admin, moderator] = [await login('user'), await login('admin'), await login('moderator')];
    const from = [OFFICE, HOME, 'unknown'];
    const no = 'ip_not_allowed';
    expect(await codes('/any', from, user)).toEqual([200, 200, 200]);
    expect(await codes('/any', from, admin)).toEqual([200, no, no]);
    expect(await codes('/any', from, moderator)).toEqual([no, no, no]);
    await lists().set('named', [HOME]);
    expect(await codes('/any', from, moderator)).toEqual([no, 200, no]);
    await users().setRoles('user-user', ['user', 'admin']);
    expect(await codes('/any', from, user)).toEqual([200, no, no]);
    expect(await codes('/open', from, admin)).toEqual([200, 200, 200]);
  });

  it('holds all that is not public to the lists of the option, besides their own', async () => {
    await stopApps();
    await start({ allow: ['198.51.100.0/24', '2001:db8::/32', '192.0.2.1'], deny: 'denied' });
    const token = await login();
    await lists().set('denied', ['2001:db8::/64']);
    const from = [OFFICE, VPN, HOME, '192.0.2.1'];
    const no = 'ip_not_allowed';
    expect(await codes('/any', from, token)).toEqual([200, no, no, 200]);
    expect(await codes('/office', from, token)).toEqual([200, no, no, no]);
    expect(await codes('/open', from)).toEqual([200, 200, 200, 200]);
    expect(await codes('/office/public', from)).toEqual([200, 200, no, no]);
  });

  it('is told by the manifest', async () => {
    await stopApps();
    await start({ allow: 'staff', roles: { admin: ['::1'] } });
    const entries = running.app.get(PolicyManifest).list();
    const of = (path: string) => entries.find((entry) => entry.path === path);
    const office = ['198.51.100.0/24', '2001:db8::/32'];
    expect(of('/office/no-vpn')).toMatchObject({
      ipAllowlists: ['staff', office, ['0.0.0.0/0', '2001:db8::/120']],
      ipDenylists: [[VPN]],
      ipAllowlistsOfRoles: { admin: ['::1'] },
    });
    expect(of('/office/public')).toMatchObject({ access: 'public', ipAllowlists: [office] });
    expect(of('/office/public')).not.toHaveProperty('ipAllowlistsOfRoles');
    expect(of('/not-denied')).toMatchObject({ ipAllowlists: ['staff'], ipDenylists: ['denied'] });
    expect(of('/open')).not.toHaveProperty('ipAllowlists');
  });
});

describe('IpAllowlists', () => {
  afterEach(stopApps);
  const start = async () => (await startApp({ controllers: [] })).app.get(IpAllowlists, { strict: false });

  it('reads what was set, as it was given', async () => {
    const lists = await start();
    expect(await lists.get('office')).toBeUndefined();
    const cidrs = ['10.1.2.3/8', '2001:DB8::1', '192.0.2.7/32'];
    const receipt = await lists.set('office', cidrs);
    expect(receipt).toMatchObject({ name: 'office', cidrs, connectionsClosed: 0, nodes: { confirmed: 0 } });
    expect(await lists.get('office')).toEqual({ name: 'office', cidrs, version: receipt.version });
    expect(lists.holds(receipt, '10.255.255.255')).toBe(true);
    expect(lists.holds(receipt, '::ffff:10.0.0.1')).toBe(true);
    expect(lists.holds(receipt, '11.0.0.1')).toBe(false);
    expect(lists.holds(receipt, undefined)).toBe(false);
    expect(lists.holds({ cidrs: ['damaged'] }, '10.0.0.1')).toBe(false);
  });

  it.each([
    [['10.0.0.0/33'], "'10.0.0.0/33' is no IP address or CIDR"],
    [['::1', 'localhost'], "'localhost' is no IP address or CIDR"],
    [['::ffff:10.0.0.0/104'], "'::ffff:10.0.0.0/104' is IPv4 inside IPv6: write it as IPv4"],
    [['fe80::1%eth0'], "'fe80::1%eth0' is no IP address or CIDR"],
    [['10.0.0.0/08'], "'10.0.0.0/08' is no IP address or CIDR"],
    [['10.0.0.0/8 '], "'10.0.0.0/8 ' is no IP address or CIDR"],
    [['10.0.0.0/8;'], "'10.0.0.0/8;' is no IP address or CIDR"],
    [[7], 'An entry of type number is no IP address or CIDR'],
    [[['10.0.0.1']], 'An entry of type object is no IP address or CIDR'],
    ['10.0.0.0/8', 'A list is an array of CIDRs'],
    [Array(1_001).fill('::1'), 'A list has at most 1000 ranges'],
  ])('refuses %j and says why', async (cidrs, message) => {
    const lists = await start();
    await expect(lists.set('office', cidrs as string[])).rejects.toMatchObject({
      code: 'bad_request',
      message,
    });
    expect(await lists.get('office')).toBeUndefined();
  });

  it.each(['', 'a b', '../x', '{x}', 'x'.repeat(65), undefined])('refuses the name %j', async (name) => {
    const lists = await start();
    await expect(lists.set(name as string, [])).rejects.toMatchObject({ code: 'bad_request' });
    await expect(lists.get(name as string)).rejects.toMatchObject({ code: 'bad_request' });
  });

  it('writes over what the caller knows, and not so as to lock the caller out', async () => {
    const lists = await start();
    const { version } = await lists.set('office', ['::1'], { ifVersion: 'absent', keeps: '::1' });
    await expect(lists.set('office', [], { ifVersion: 'absent' })).rejects.toMatchObject({
      code: 'version_conflict',
    });
    await expect(lists.set('office', [], { ifVersion: version - 1 })).rejects.toMatchObject({
      code: 'version_conflict',
      statusCode: 409,
    });
    for (const keeps of ['::2', undefined, 'nonsense']) {
      await expect(lists.set('office', ['::1'], { keeps })).rejects.toMatchObject({
        code: 'would_lock_out',
        statusCode: 409,
      });
    }
    await lists.set('office', ['::/0'], { ifVersion: version, keeps: '::2' });
    expect((await lists.get('office'))?.cidrs).toEqual(['::/0']);
  });
});

describe("a user's own list", () => {
  afterEach(stopApps);

  it('is refused when it is none, has too many ranges, or the user was changed meanwhile', async () => {
    const { app } = await startApp({ controllers: [] });
    const users = app.get(UserStateService, { strict: false });
    const { version } = await users.ensure('ada');
    await expect(users.setIpAllowlist('ada', ['10.0.0.0/40'])).rejects.toMatchObject({
      code: 'bad_request',
      message: "'10.0.0.0/40' is no IP address or CIDR",
    });
    await expect(users.setIpAllowlist('ada', Array<string>(65).fill('::1'))).rejects.toMatchObject({
      code: 'bad_request',
    });
    await users.setRoles('ada', ['user']);
    await expect(users.setIpAllowlist('ada', null, { ifVersion: version })).rejects.toMatchObject({
      code: 'version_conflict',
    });
    await expect(users.setIpAllowlist('nobody', [])).rejects.toMatchObject({ code: 'user_unknown' });
  });

  it("comes from the app's own database, and survives the loss of the record there", async () => {
    const directory = new Map([['ada', { roles: ['user'], ipAllowlist: ['198.51.100.0/24'], version: 1 }]]);
    const { app, http } = await startApp({
      controllers: [Anywhere],
      session: {
        guard: 'global',
        trustProxy: 1,
        userDirectory: { load: async (userId) => directory.get(userId) },
      },
    });
    const users = app.get(UserStateService, { strict: false });
    const status = async (ip: string) => {
      const { token } = await loginAs(app, { userId: 'ada' });
      return (await http.get('/any').set('X-Forwarded-For', ip).auth(token, { type: 'bearer' })).status;
    };
    expect([await status(OFFICE), await status(HOME)]).toEqual([200, 403]);
    await users.update('ada', { ipAllowlist: [HOME], sourceVersion: 2 });
    expect([await status(OFFICE), await status(HOME)]).toEqual([403, 200]);
    await users.erase('ada');
    expect([await status(OFFICE), await status(HOME)]).toEqual([200, 403]);
  });
});

it("AuthGuard('latchkey') holds to the lists of users, roles and the option", async () => {
  const { app, http } = await startApp({
    controllers: [Passported],
    session: { trustProxy: 1, ipPolicy: { deny: ['192.0.2.1'], roles: { admin: [OFFICE] } } },
    module: { imports: [SessionPassportModule] },
  });
  const { token } = await loginAs(app, { userId: 'ada', roles: ['user'] });
  const code = async (ip: string) =>
    (
      (await http.get('/passport').set('X-Forwarded-For', ip).auth(token, { type: 'bearer' })).body as {
        code?: string;
      }
    ).code ?? 'ok';
  expect([await code(HOME), await code('192.0.2.1')]).toEqual(['ok', 'ip_not_allowed']);
  const users = app.get(UserStateService, { strict: false });
  await users.setIpAllowlist('ada', [HOME]);
  expect([await code(HOME), await code(OFFICE)]).toEqual(['ok', 'ip_not_allowed']);
  await users.setRoles('ada', ['admin']);
  expect([await code(HOME), await code(OFFICE)]).toEqual(['ip_not_allowed', 'ip_not_allowed']);
  await stopApps();
});

describe('at boot', () => {
  afterEach(stopApps);

  it.each([
    ['10.0.0.1', "not '10.0.0.1'"],
    ['fe80::1', "not 'fe80::1'"],
    ['10.0.0.0/8', "not '10.0.0.0/8'"],
    ['', "not ''"],
    [['10.0.0.0/8', 'x'], "'x' is no IP address or CIDR"],
    [undefined, 'takes the name of a list'],
  ])('@IpAllowlist(%j) is refused', (list, message) => {
    expect(() => IpAllowlist(list as string)).toThrow(SessionConfigurationError);
    expect(() => IpDenylist(list as string)).toThrow(message);
  });

  it.each([
    [{ allow: ['x'] }, 'ipPolicy.allow'],
    [{ deny: '10.0.0.1' }, 'ipPolicy.deny'],
    [{ roles: { admin: ['10.0.0.0/99'] } }, 'ipPolicy.roles.admin'],
    [{ roles: { 'a b': 'office' } }, 'ipPolicy.roles'],
    [{ roles: ['office'] }, 'ipPolicy.roles'],
    [{ allows: 'office' }, 'ipPolicy.allows'],
    ['office', 'ipPolicy'],
  ])('ipPolicy: %j is refused', async (ipPolicy, option) => {
    const failure = await bootFailure(
      Test.createTestingModule({ imports: [SessionTestingModule.forRoot({ ipPolicy } as never)] }),
    );
    expect(failure).toMatchObject({ name: 'SessionConfigurationError', option });
  });

  it.each([IpAllowlist, IpDenylist])('a list that no guard enforces stops the app', async (decorator) => {
    @Controller()
    class Unguarded {
      @Public()
      @decorator(['10.0.0.0/8'])
      @Get()
      open() {
        return {};
      }
    }
    const boot = (controller: new () => object) =>
      bootFailure(
        Test.createTestingModule({ imports: [SessionTestingModule.forRoot()], controllers: [controller] }),
      );
    expect(await boot(Unguarded)).toMatchObject({
      name: 'SessionConfigurationError',
      option: 'Unguarded.open',
    });
    UseGuards(SessionGuard)(Unguarded);
    expect(await boot(Unguarded)).toBeUndefined();
  });
});
