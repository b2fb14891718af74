import { ConfigurableModuleBuilder, type ModuleMetadata } from '@nestjs/common';
import type { Registry } from 'prom-client';

/** Options of `SessionMetricsModule`. @publicApi */
export interface SessionMetricsOptions {
  /**
   * Registry that takes the metrics. Several `SessionModule`s may share one: the label `realm` tells them apart.
   * @defaultValue `register`, the global one of prom-client
   */
  readonly registry?: Registry;
  /**
   * Beginning of every metric's name.
   * @defaultValue `'latchkey_'`
   */
  readonly prefix?: string;
}

export const {
  ConfigurableModuleClass: MetricsModuleClass,
  MODULE_OPTIONS_TOKEN: METRICS_OPTIONS,
  OPTIONS_TYPE: METRICS_OPTIONS_TYPE,
} = new ConfigurableModuleBuilder<SessionMetricsOptions>({ moduleName: 'SessionMetrics' })
  .setClassMethodName('forRoot')
  .setExtras<{
    /** The `SessionModule` whose metrics these are, where it is not global. */
    imports?: NonNullable<ModuleMetadata['imports']>;
  }>({ imports: [] }, (definition, { imports = [] }) => ({
    ...definition,
    imports: [...(definition.imports ?? []), ...imports],
  }))
  .build();
