import { ConfigurableModuleBuilder, Module, type OnModuleInit } from '@nestjs/common';
import { APP_FILTER, ApplicationConfig, DiscoveryModule } from '@nestjs/core';
import { checkScopes } from '../../manifest/access-check.js';
import { declaredAccessOf } from '../../guard/decorators/declarations.js';
import { guardsOf } from '../../manifest/guards.js';
import { HandlerFinder } from '../../handlers/handler-finder.js';
import { MessageProblems } from '../../guard/message-problems.js';
import { ProblemFilter } from '../../guard/problem.filter.js';
import type { ServiceTokensOptions } from './service-tokens-options.js';
import { isGlobalFrom } from '../../rules/option-rules.js';
import { ServiceTokens } from './service-tokens.js';

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } = new ConfigurableModuleBuilder<ServiceTokensOptions>(
  { moduleName: 'ServiceTokens' },
)
  .setClassMethodName('forRoot')
  .setExtras<{
    /** Whether every module can use `ServiceTokens` and the guard without importing this one. Default true. */
    isGlobal?: boolean;
  }>({ isGlobal: true }, (definition, { isGlobal }) => ({ ...definition, global: isGlobalFrom(isGlobal) }))
  .build();

/**
 * Tokens between services: `ServiceTokensModule.forRoot({ service, signing, trust })`, or `forRootAsync`. With or without
 * `SessionModule`. A handler with `@Scopes()` and no `ServiceTokenGuard`, or the other way round, stops the boot.
 * @example
 * ```ts
 * const tokensModule = ServiceTokensModule.forRoot({
 *   service: 'https://shop.internal',
 *   signing: { algorithm: 'EdDSA', keys: [{ kid: '2026', privateKey: pem }] },
 * });
 * ```
 * @publicApi
 */
@Module({
  imports: [DiscoveryModule],
  providers: [
    {
      provide: ServiceTokens,
      inject: [MODULE_OPTIONS_TOKEN],
      useFactory: ServiceTokens.open.bind(ServiceTokens),
    },
    HandlerFinder,
    MessageProblems,
    { provide: APP_FILTER, useClass: ProblemFilter },
  ],
  exports: [ServiceTokens],
})
export class ServiceTokensModule extends ConfigurableModuleClass implements OnModuleInit {
  /** @internal */
  constructor(
    private readonly handlers: HandlerFinder,
    private readonly config: ApplicationConfig,
  ) {
    super();
  }

  onModuleInit(): void {
    for (const found of this.handlers.find()) {
      const ofHandler = declaredAccessOf(found.handler);
      const scopes = ofHandler.scopes ?? declaredAccessOf(found.class).scopes;
      const mode = ofHandler.isPublic ? 'public' : scopes ? 'service' : 'guarded';
      checkScopes(found, { mode, ...guardsOf(found, this.config, { guardGlobally: false }) });
    }
  }
}
