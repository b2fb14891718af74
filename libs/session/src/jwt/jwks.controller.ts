import type { JsonWebKey } from 'node:crypto';
import { Controller, Get, Header, Inject } from '@nestjs/common';
import { Public } from '../guard/decorators/access.js';
import { ACCESS_TOKENS } from '../options/injection-keys.js';
import type { AccessTokenFormat } from '../token/access-token.js';

/**
 * `GET /.well-known/jwks.json`: the public keys of the access tokens (RFC 7517 §5), to be put among the `controllers` of
 * a module of yours. Without such keys, as with opaque tokens and HS256, the list is empty. It may be kept for 5 minutes:
 * announce a key (`activeAt`) at least that long before it signs.
 *
 * Who verifies by these keys alone does not notice that a session was ended: ask the app that issued the token.
 * @example
 * `@Module({ controllers: [JwksController] }) export class KeysModule {}`
 * @publicApi
 */
@Public()
@Controller('.well-known/jwks.json')
export class JwksController {
  /** @internal */
  constructor(@Inject(ACCESS_TOKENS) private readonly tokens: AccessTokenFormat) {}

  @Get()
  @Header('Cache-Control', 'public, max-age=300')
  async jwks(): Promise<{ keys: readonly JsonWebKey[] }> {
    return { keys: await this.tokens.publicKeys() };
  }
}
