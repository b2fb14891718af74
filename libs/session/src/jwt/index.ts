/**
 * Tokens between services, the JWKS route, and the types of JWT keys. Needs the package jose.
 * @module @latchkey/session/jwt
 */
export { Scopes } from '../guard/decorators/access.js';
export type {
  JsonWebKeySet,
  JwtAlgorithm,
  JwtKey,
  JwtKeys,
  JwtOptions,
  TrustedKeys,
} from '../options/jwt-options.js';
export { JwksController } from './jwks.controller.js';
export { CurrentService, ServiceTokenGuard, serviceCallOf } from './service/service-token.guard.js';
export type {
  NewServiceToken,
  ServiceCall,
  ServiceTokensOptions,
  TrustedService,
} from './service/service-tokens-options.js';
export { ServiceTokens } from './service/service-tokens.js';
export { ServiceTokensModule } from './service/service-tokens.module.js';
