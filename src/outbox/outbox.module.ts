import { type DynamicModule, Module } from '@nestjs/common';
import type { AppConfig } from '../config/app-config.js';
import { MemoryOutbox } from './memory-outbox.js';
import { Outbox } from './outbox.js';
import { OutboxController } from './outbox.controller.js';

/**
 * Where messages go. Production has nothing to send them with: provide an `Outbox` of your own here. Until then whatever
 * needs one says that it is not there.
 */
@Module({})
export class OutboxModule {
  static with({ production }: AppConfig): DynamicModule {
    if (production) return { module: OutboxModule, global: true };
    return {
      module: OutboxModule,
      global: true,
      controllers: [OutboxController],
      providers: [MemoryOutbox, { provide: Outbox, useExisting: MemoryOutbox }],
      exports: [Outbox],
    };
  }
}
