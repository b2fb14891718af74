import { Controller, Get, Module, UseGuards } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  CurrentUser,
  Roles,
  SessionGuard,
  SessionModule,
  SessionService,
  UserStateService,
  type UserState,
} from '@latchkey/session';
import { FakeClock, SessionTestingModule, loginAs } from '@latchkey/session/testing';
import request from 'supertest';

@UseGuards(SessionGuard)
@Controller('things')
class Things {
  @Roles('member')
  @Get()
  read(@CurrentUser() user: UserState) {
    return { user: user.id, roles: user.roles };
  }
}

/** An app as it stands in production: its Redis is nowhere. */
@Module({
  imports: [SessionModule.forRoot({ redis: 'redis://127.0.0.1:1', maxSessionsPerUser: 2 })],
  controllers: [Things],
})
class AppModule {}

const closing: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of closing.splice(0)) await one.close();
});

describe('SessionTestingModule', () => {
  it('stands in for SessionModule, without a warning', async () => {
    const warnings: unknown[] = [];
    const testing = await Test.createTestingModule({
      imports: [SessionTestingModule.forRoot()],
      controllers: [Things],
    })
      .setLogger({
        log() {},
        warn: (line: unknown) => warnings.push(line),
        error: (line: unknown) => warnings.push(line),
      })
      .compile();
    closing.push(testing);
    expect(await loginAs(testing, { userId: 'alice' })).toMatchObject({ session: { userId: 'alice' } });
    expect(warnings).toEqual([]);
  });

  it('goes by a clock that a test moves', async () => {
    const clock = new FakeClock();
    const testing = await Test.createTestingModule({
      imports: [SessionTestingModule.forRoot({ clock, lifetime: 'aal3' })],
    }).compile();
    closing.push(testing);
    const { token } = await loginAs(testing, { userId: 'alice' });
    const sessions = testing.get(SessionService);
    await sessions.authenticate(token);
    clock.advance('16m');
    await expect(sessions.authenticate(token)).rejects.toMatchObject({ code: 'session_expired' });
  });

  it('runs a whole app on memory, whose own options stay and whose Redis is never opened', async () => {
    const clock = new FakeClock();
    const builder = Test.createTestingModule({ imports: [AppModule] });
    const testing = await SessionTestingModule.replaceIn(builder, { clock }).compile();
    const app = testing.createNestApplication();
    closing.push(app);
    await app.init();
    for (let device = 0; device < 3; device++) {
      const { headers } = await loginAs(app, { userId: 'alice', roles: ['member'] });
      expect((await request(app.getHttpServer()).get('/things').set(headers)).body).toEqual({
        user: 'alice',
        roles: ['member'],
      });
      clock.advance('1s');
    }
    expect(await app.get(SessionService).list('alice')).toHaveLength(2);
  });
});

describe('loginAs', () => {
  it('gives the token in every form that a request can carry', async () => {
    const testing = await Test.createTestingModule({ imports: [SessionTestingModule.forRoot()] }).compile();
    closing.push(testing);
    const { token, authorization, cookie, headers } = await loginAs(testing, { userId: 'alice' });
    expect(token).toMatch(/^lk_/);
    expect({ authorization, cookie, headers }).toEqual({
      authorization: `Bearer ${token}`,
      cookie: `__Host-session=${token}`,
      headers: { authorization: `Bearer ${token}` },
    });
  });

  it('sets roles, assurance and device, and leaves roles alone unless told', async () => {
    const testing = await Test.createTestingModule({ imports: [SessionTestingModule.forRoot()] }).compile();
    closing.push(testing);
    const options = {
      userId: 'alice',
      roles: ['admin'],
      assurance: 'aal2',
      device: { name: 'phone' },
    } as const;
    const first = await loginAs(testing, options);
    expect(first.user.roles).toEqual(['admin']);
    expect(first.session).toMatchObject({ assurance: 'aal2', device: { name: 'phone' } });
    expect((await loginAs(testing, { userId: 'alice' })).user.roles).toEqual(['admin']);
    expect((await loginAs(testing, { userId: 'alice', roles: [] })).user.roles).toEqual([]);
  });

  it('refuses whom the app would refuse', async () => {
    const userDirectory = {
      load: async (id: string) => (id === 'alice' ? { roles: ['member'] } : undefined),
    };
    const testing = await Test.createTestingModule({
      imports: [SessionTestingModule.forRoot({ userDirectory })],
    }).compile();
    closing.push(testing);
    expect((await loginAs(testing, { userId: 'alice' })).user.roles).toEqual(['member']);
    await expect(loginAs(testing, { userId: 'nobody' })).rejects.toMatchObject({ code: 'user_unknown' });
    await testing.get(UserStateService).block('alice', { reason: 'spam' });
    await expect(loginAs(testing, { userId: 'alice' })).rejects.toMatchObject({ code: 'user_blocked' });
  });
});
