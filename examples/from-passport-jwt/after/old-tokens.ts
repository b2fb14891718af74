// Tokens of the old version: honoured until they expire, and for a week also issued. Delete it afterwards.
import { hkdfSync, randomUUID } from 'node:crypto';
import { Injectable, UnauthorizedException } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { PassportStrategy } from '@nestjs/passport';
import { type AuthenticatedSession, type HttpRequest, type IssuedSession } from '@latchkey/session';
import {
  RateLimiter,
  SessionError,
  SessionService,
  SessionTransport,
  UserStateService,
} from '@latchkey/session';
import { CompactEncrypt, compactDecrypt } from 'jose';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { Accounts } from '../../accounts.js';
import { ACCESS_TTL, REFRESH_TTL_S, type RequestUser, SECRETS } from '../tokens.js';

/** An access token of the week also carries the session's own token, which the old version does not look at. */
type OldAccess = { readonly sub: string; readonly latchkey?: string };
/** A refresh token of the week also carries the session's own, sealed: once the old version took it, that is lost, too. */
type OldRefresh = {
  readonly sub: string;
  readonly jti: string;
  readonly sealed?: string;
  readonly exp: number;
};

/** One logout of an old access token, for as long as it could live: a quota of one is a mark that two nodes agree on. */
const LOGOUTS = { name: 'old-access-token', quota: 1, window: ACCESS_TTL } as const;
const SEALED = { alg: 'dir', enc: 'A256GCM' } as const;
const SEALING_KEY = new Uint8Array(hkdfSync('sha256', SECRETS.refresh, '', 'latchkey', 32));
const readJwt = ExtractJwt.fromAuthHeaderAsBearerToken();
const isAbsent = (error: unknown) =>
  error instanceof SessionError && error.code === 'session_store_unavailable';

export const isNative = (token: unknown) => String(token).startsWith('lk');
export const toRequestUser = ({ user, session }: AuthenticatedSession): RequestUser => ({
  userId: user.id,
  roles: user.roles,
  sid: session.id,
});

@Injectable()
export class OldTokens {
  /** `OLD_TOKENS=issue` for the week in which there is a way back. */
  readonly areIssued = process.env['OLD_TOKENS'] === 'issue';

  constructor(
    private readonly jwt: JwtService,
    private readonly accounts: Accounts,
    private readonly limiter: RateLimiter,
  ) {}

  async wrap({ token, refreshToken = '', user }: IssuedSession) {
    const [sub, jti] = [user.id, randomUUID()];
    await this.accounts.redis.set(`refresh:${jti}`, sub, 'EX', REFRESH_TTL_S);
    const sealing = new CompactEncrypt(Buffer.from(refreshToken)).setProtectedHeader(SEALED);
    const access = { sub, roles: user.roles, latchkey: token };
    const refresh = { sub, jti, sealed: await sealing.encrypt(SEALING_KEY) };
    const options = { secret: SECRETS.refresh, expiresIn: REFRESH_TTL_S };
    return {
      accessToken: await this.jwt.signAsync(access, { expiresIn: ACCESS_TTL }),
      refreshToken: await this.jwt.signAsync(refresh, options),
    };
  }

  verify(refreshToken: string): Promise<OldRefresh> {
    const options = { secret: SECRETS.refresh, algorithms: ['HS256' as const] };
    return this.jwt.verifyAsync<OldRefresh>(refreshToken, options).catch(() => {
      throw new UnauthorizedException();
    });
  }

  /**
   * Once, whichever version is asked: the old version's own record decides.
   * @param next goes on with the session of a sealed token, or begins one for a token of the old version
   */
  async exchange<T>(old: OldRefresh, next: (sealed: string | undefined) => Promise<T>): Promise<T> {
    const { sub, jti, sealed, exp } = old;
    if ((await this.accounts.redis.getdel(`refresh:${jti}`)) !== sub) throw new UnauthorizedException();
    try {
      const opened = sealed === undefined ? undefined : (await compactDecrypt(sealed, SEALING_KEY)).plaintext;
      return await next(opened && Buffer.from(opened).toString());
    } catch (error) {
      if (isAbsent(error)) await this.accounts.redis.set(`refresh:${jti}`, sub, 'EXAT', exp);
      throw error;
    }
  }

  async logOut(request: HttpRequest, refreshToken: string): Promise<void> {
    const { jti } = await this.verify(refreshToken).catch(() => ({ jti: '' }));
    await this.accounts.redis.del(`refresh:${jti}`);
    const signed = signedPartOf(request);
    if (signed !== undefined) await this.limiter.consume(LOGOUTS, signed);
  }

  async isLoggedOut(request: HttpRequest): Promise<boolean> {
    return !(await this.limiter.peek(LOGOUTS, signedPartOf(request) ?? '')).allowed;
  }
}

/** Without the signature: some algorithms' can be spelled in several ways. `undefined` for a token of Latchkey. */
function signedPartOf(request: HttpRequest): string | undefined {
  const token = readJwt(request as Parameters<typeof readJwt>[0]) ?? '';
  return token.includes('.') ? token.slice(0, token.lastIndexOf('.')) : undefined;
}

@Injectable()
export class OldJwtStrategy extends PassportStrategy(Strategy, 'jwt') {
  constructor(
    private readonly old: OldTokens,
    private readonly sessions: SessionService,
    private readonly transport: SessionTransport,
    private readonly users: UserStateService,
  ) {
    super({
      jwtFromRequest: readJwt,
      secretOrKey: SECRETS.access,
      algorithms: ['HS256'],
      passReqToCallback: true,
    });
  }

  async validate(request: HttpRequest, { sub, latchkey }: OldAccess): Promise<RequestUser> {
    const clientIp = this.transport.clientIp(request);
    if (latchkey !== undefined)
      return toRequestUser(await this.sessions.authenticate(latchkey, undefined, { clientIp }));
    const [user, isLoggedOut] = await Promise.all([this.users.get(sub), this.old.isLoggedOut(request)]);
    if (user?.status === 'blocked') throw new SessionError('user_blocked');
    if (!user || isLoggedOut) throw new SessionError('session_revoked');
    return { userId: user.id, roles: user.roles }; // as they are now, whatever the token says
  }
}
