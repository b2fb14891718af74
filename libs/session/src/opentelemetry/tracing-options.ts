import { ConfigurableModuleBuilder, type ModuleMetadata } from '@nestjs/common';
import { flag, isRecord, mustBe, noOthers } from '../rules/option-rules.js';

/** Options of `SessionTracingModule`. @publicApi */
export interface SessionTracingOptions {
  /**
   * Put the user's pseudonym on spans, as `enduser.pseudo.id`. It is the same in every trace of the user.
   * @defaultValue `false`: spans say nothing of the user
   */
  readonly userRef?: boolean;
}

export const {
  ConfigurableModuleClass: TracingModuleClass,
  MODULE_OPTIONS_TOKEN: TRACING_OPTIONS,
  OPTIONS_TYPE: TRACING_OPTIONS_TYPE,
} = new ConfigurableModuleBuilder<SessionTracingOptions>({ moduleName: 'SessionTracing' })
  .setClassMethodName('forRoot')
  .setExtras<{
    /** The `SessionModule` whose spans these are, where it is not global. */
    imports?: NonNullable<ModuleMetadata['imports']>;
  }>({ imports: [] }, (definition, { imports = [] }) => ({
    ...definition,
    imports: [...(definition.imports ?? []), ...imports],
  }))
  .build();

/** @throws SessionConfigurationError naming the option */
export function checkTracingOptions(given: SessionTracingOptions): Required<SessionTracingOptions> {
  if (!isRecord(given)) mustBe('SessionTracingModule', 'an object', given);
  noOthers(given, ['userRef'], 'SessionTracingModule.');
  return { userRef: flag('SessionTracingModule.userRef', given.userRef) };
}
