import { ConfigurableModuleBuilder } from '@nestjs/common';
import { isGlobalFrom } from '../rules/option-rules.js';
import type { SessionModuleOptions } from './options.js';

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<SessionModuleOptions>({ moduleName: 'Session' })
    .setClassMethodName('forRoot')
    .setExtras<{
      /** Whether every module can use the services and the guard without importing this one. Default true. */
      isGlobal?: boolean;
    }>({ isGlobal: true }, (definition, { isGlobal }) => ({ ...definition, global: isGlobalFrom(isGlobal) }))
    .build();
