import { Body, Controller, Get, Post, Req, Res, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import {
  AllowExpired,
  AllowGuests,
  Assurance,
  authenticatedSessionOf,
  CurrentSession,
  CurrentUser,
  EventStreams,
  Fresh,
  type HttpRequest,
  type HttpResponse,
  IpDenylist,
  OptionalSession,
  Passive,
  Permissions,
  Public,
  RateLimit,
  Roles,
  type Session,
  SessionData,
  SessionService,
  SessionTransport,
  type StreamableResponse,
  type UserState,
} from '@latchkey/session';

interface Asked {
  readonly userId?: string;
  readonly data?: object;
  readonly item?: string;
}

/** Whom a handler sees, in every way in which it can look. */
function seen(request: HttpRequest, session: Session | undefined, user: UserState | undefined) {
  return {
    session: session?.id ?? null,
    isGuest: session?.isGuest ?? false,
    user: user?.id ?? null,
    requestUser: (request as { user?: UserState }).user?.id ?? null,
    authenticated: authenticatedSessionOf(request)?.user.id ?? null,
  };
}

/** A shop with a cart for everybody, and rooms for users only. Every handler of the second half is closed to guests. */
@Controller()
export class Shop {
  constructor(
    private readonly sessions: SessionService,
    private readonly transport: SessionTransport,
    private readonly streams: EventStreams,
  ) {}

  @Public()
  @Post('guest')
  async begin(
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: HttpResponse,
    @Body() { data }: Asked,
  ) {
    const guest = await this.sessions.createGuest({
      clientIp: this.transport.clientIp(request),
      device: this.transport.deviceOf(request),
      ...(data ? { data } : {}),
    });
    this.transport.setCookie(request, response, guest);
    return { token: guest.token, isGuest: guest.session.isGuest };
  }

  @Public()
  @Post('login')
  async login(
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: HttpResponse,
    @Body() { userId = 'ada', data }: Asked,
  ) {
    const from = this.transport.readToken(request);
    const issued = await this.sessions.create(userId, { from, ...(data ? { data } : {}) });
    this.transport.setCookie(request, response, issued);
    return { token: issued.token };
  }

  @AllowGuests()
  @Get('cart')
  cart(
    @Req() request: HttpRequest,
    @CurrentSession() session: Session,
    @CurrentUser() user: UserState | undefined,
    @SessionData('cart') cart: string[] | undefined,
  ) {
    return { ...seen(request, session, user), cart: cart ?? [] };
  }

  @AllowGuests()
  @Post('cart')
  async add(@CurrentSession() session: Session, @Body() { item = 'tea' }: Asked) {
    const data = this.sessions.data<{ cart: string[] }>(session);
    const before = await data.read();
    const after = await data.set('cart', [...(before.data.cart ?? []), item], { ifVersion: before.version });
    return { cart: after.data.cart };
  }

  @AllowGuests()
  @Post('logout')
  async logout(@CurrentSession() session: Session) {
    return { ended: await this.sessions.revoke(session.userId, session.id, 'logout') };
  }

  @AllowGuests()
  @Passive()
  @Get('poll')
  poll() {
    return {};
  }

  @AllowGuests()
  @RateLimit({ name: 'by-session', quota: 2, window: '1h', by: 'session' })
  @Get('twice')
  twice() {
    return {};
  }

  @AllowGuests()
  @RateLimit({ name: 'by-user', quota: 2, window: '1h', by: 'user' })
  @Get('twice-a-user')
  twiceAUser() {
    return {};
  }

  @AllowGuests()
  @IpDenylist(['127.0.0.0/8'])
  @Get('from-elsewhere')
  fromElsewhere() {
    return {};
  }

  @AllowGuests()
  @Get('stream')
  async stream(@Req() request: HttpRequest, @Res() response: StreamableResponse) {
    const stream = await this.streams.open(request, response);
    stream.send('open', {});
  }

  @OptionalSession()
  @Get('feed')
  feed(
    @Req() request: HttpRequest,
    @CurrentSession() session: Session | undefined,
    @CurrentUser() user: UserState | undefined,
  ) {
    return seen(request, session, user);
  }

  @Get('plain')
  plain() {
    return {};
  }

  @RateLimit({ name: 'plain-twice', quota: 2, window: '1h', by: 'user' })
  @Get('plain-twice')
  plainTwice() {
    return {};
  }

  @Roles('admin')
  @Get('roles')
  roles() {
    return {};
  }

  @Permissions('shop:close')
  @Get('permissions')
  permissions() {
    return {};
  }

  @Fresh('10m')
  @Get('fresh')
  fresh() {
    return {};
  }

  @Assurance('aal1')
  @Get('assurance')
  assurance() {
    return {};
  }

  @AllowExpired()
  @Get('expired')
  expired() {
    return {};
  }

  @Get('plain-stream')
  async plainStream(@Req() request: HttpRequest, @Res() response: StreamableResponse) {
    await this.streams.open(request, response);
  }

  @AllowGuests()
  @UseGuards(AuthGuard('latchkey'))
  @Get('passport')
  passport() {
    return {};
  }
}

/** Where a guest is nobody: 401 `session_missing`. */
export const CLOSED = [
  'plain',
  'plain-twice',
  'roles',
  'permissions',
  'fresh',
  'assurance',
  'expired',
  'plain-stream',
  'passport',
];

export const SHOP_OPTIONS = {
  guests: true,
  guard: 'global',
  permissions: { admin: ['shop:close'] },
} as const;
