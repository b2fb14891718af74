// Login and logout, as all examples have them. A real app checks hashes, see docs/getting-started-part-2.md.
import { timingSafeEqual } from 'node:crypto';
import {
  BadRequestException,
  Body,
  HttpCode,
  Injectable,
  Post,
  Req,
  Res,
  UnauthorizedException,
} from '@nestjs/common';
import {
  CurrentSession,
  Public,
  SessionService,
  SessionTransport,
  UserStateService,
  type CreateSessionOptions,
  type HttpRequest,
  type HttpResponse,
  type Session,
} from '@latchkey/session';

/** The users of the examples, with their roles. */
const ACCOUNTS: Readonly<Record<string, readonly string[]>> = { ada: [], bob: [], eve: ['editor', 'admin'] };

interface Services {
  readonly sessions: SessionService;
  readonly transport: SessionTransport;
  readonly users: UserStateService;
}

/** Each example puts it at a path: `@Controller('auth') class AuthController extends LoginController {}`. */
@Injectable()
export abstract class LoginController {
  constructor(
    protected readonly sessions: SessionService,
    protected readonly transport: SessionTransport,
    protected readonly users: UserStateService,
  ) {}

  @Public()
  @Post('login')
  @HttpCode(200)
  async login(
    @Body() body: { username?: unknown; password?: unknown },
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: HttpResponse,
  ): Promise<{ userId: string }> {
    this.transport.assertSameOrigin(request); // before anything is looked up
    const { username, password } = body ?? {};
    if (typeof username !== 'string' || typeof password !== 'string') throw new BadRequestException();
    const roles = Object.hasOwn(ACCOUNTS, username) ? ACCOUNTS[username] : undefined;
    if (!roles || !isPasswordOf(username, password)) throw new UnauthorizedException();
    const userId = this.userIdFor(username, request);
    const { sessions, transport, users } = this.servicesFor(userId);
    const { epoch } = await users.ensure(userId, { roles });
    const issued = await sessions.create(userId, {
      ifEpoch: epoch,
      device: transport.deviceOf(request),
      ...this.optionsFor(request),
    });
    transport.setCookie(request, response, issued);
    return { userId };
  }

  @Post('logout')
  @HttpCode(204)
  async logout(
    @CurrentSession() session: Session,
    @Res({ passthrough: true }) response: HttpResponse,
  ): Promise<void> {
    const { sessions, transport } = this.servicesFor(session.userId);
    await sessions.revoke(session.userId, session.id, 'logout');
    transport.clearCookie(response);
  }

  /** What the library calls the user. */
  protected userIdFor(username: string, _request: HttpRequest): string {
    return username;
  }

  /** The services that know a user. */
  protected servicesFor(_userId: string): Services {
    return { sessions: this.sessions, transport: this.transport, users: this.users };
  }

  /** What a login says besides. */
  protected optionsFor(_request: HttpRequest): CreateSessionOptions {
    return {};
  }
}

/** `ada`'s password is `ada-password`. */
function isPasswordOf(username: string, password: string): boolean {
  const [right, given] = [Buffer.from(`${username}-password`), Buffer.from(password)];
  return right.length === given.length && timingSafeEqual(right, given);
}
