import { type DynamicModule, Module } from '@nestjs/common';
import { SessionMetricsModule } from '@latchkey/session/metrics';
import { Registry } from 'prom-client';
import { LoopbackGuard } from '../http/loopback.guard.js';
import { LoginOutcomes } from './login-outcomes.js';
import { MetricsController } from './metrics.controller.js';
import { MetricsGuard } from './metrics.guard.js';

/** What this app counts, and where Prometheus reads it. */
@Module({})
export class MetricsModule {
  /** With a registry of its own: tests run several apps in a process. */
  static forRoot(): DynamicModule {
    const registry = new Registry();
    return {
      module: MetricsModule,
      global: true,
      imports: [SessionMetricsModule.forRoot({ registry })],
      controllers: [MetricsController],
      providers: [{ provide: Registry, useValue: registry }, LoginOutcomes, LoopbackGuard, MetricsGuard],
      exports: [LoginOutcomes],
    };
  }
}
