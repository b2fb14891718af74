import { type DynamicModule, Module } from '@nestjs/common';
import { SessionSpans } from './session-spans.js';
import { type TRACING_OPTIONS_TYPE, TracingModuleClass } from './tracing-options.js';

/**
 * A span for each check and each act of a `SessionModule`, in the trace of the request that it is of: `forRoot()`. Spans
 * carry no token, no ID and no address. Without a tracer provider they go nowhere.
 * @example
 * ```ts
 * const imports = [SessionModule.forRoot(), SessionTracingModule.forRoot({ userRef: true })];
 * ```
 * @publicApi
 */
@Module({ providers: [SessionSpans] })
export class SessionTracingModule extends TracingModuleClass {
  /**
   * The module with these options; `forRootAsync()` takes a factory that gives them.
   * @throws SessionConfigurationError at boot for an option that cannot work
   */
  static override forRoot(options: typeof TRACING_OPTIONS_TYPE = {}): DynamicModule {
    return super.forRoot(options);
  }
}
