// The rules that keep tenants apart: nothing else in the app joins or splits a user id.
import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { authenticatedSessionOf, IpAllowlists, RateLimiter, SessionError } from '@latchkey/session';
import { SessionTransport, type HttpRequest, type QuotaOptions } from '@latchkey/session';

/** A table of the app's. */
const TENANTS: Readonly<Record<string, { readonly fromOfficeOnly: boolean }>> = {
  acme: { fromOfficeOnly: true },
  globex: { fromOfficeOnly: false },
};
const HOST = /^([a-z0-9-]+)\.app\.example(:\d+)?$/;
const perTenant: QuotaOptions = { name: 'tenant', quota: 30, window: '1m' };

/** A user id of the library: `acme:ada`. No tenant has a colon in its name, so the first one ends it. */
export function userIdIn(tenant: string, username: string): string {
  return `${tenant}:${username}`;
}

/** The tenant that a user id of the library belongs to. */
export function tenantOf(userId: string): string {
  return userId.slice(0, userId.indexOf(':'));
}

/** The tenant whose host a request was sent to: `acme.app.example`. */
export function tenantAskedBy(request: HttpRequest): string {
  const { headers } = 'raw' in request ? request.raw : request;
  const [, tenant = ''] = HOST.exec(headers.host ?? '') ?? [];
  if (Object.hasOwn(TENANTS, tenant)) return tenant;
  throw new SessionError('forbidden', { detail: 'There is no such tenant' });
}

/** Comes after `SessionGuard`: a session of one tenant is nobody's at another's host. */
@Injectable()
export class TenantGuard implements CanActivate {
  constructor(
    private readonly transport: SessionTransport,
    private readonly lists: IpAllowlists,
    private readonly limiter: RateLimiter,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<HttpRequest>();
    const tenant = tenantAskedBy(request);
    const user = authenticatedSessionOf(request)?.user;
    if (!user) return true; // a public handler: SessionGuard lets nobody in elsewhere
    if (tenantOf(user.id) !== tenant) throw new SessionError('forbidden');
    if (TENANTS[tenant]?.fromOfficeOnly && !(await this.isInOffice(tenant, request)))
      throw new SessionError('ip_not_allowed');
    // @RateLimit() with a function would let one tenant's users use up another's quota.
    await this.limiter.consumeAll([{ quota: perTenant, partitionKey: tenant }]);
    return true;
  }

  /** A list that is missing holds no address. */
  private async isInOffice(tenant: string, request: HttpRequest): Promise<boolean> {
    const list = await this.lists.get(`office.${tenant}`);
    return list !== undefined && this.lists.holds(list, this.transport.clientIp(request));
  }
}
