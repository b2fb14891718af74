import { Controller, Get, Header, UseGuards } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { Public } from '@latchkey/session';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { MetricsGuard } from './metrics.guard.js';

/** Of the process, however many apps it has. */
const ofProcess = new Registry();
let isCollecting = false;

@ApiTags('health')
@Public()
@UseGuards(MetricsGuard)
@Controller('metrics')
export class MetricsController {
  constructor(private readonly registry: Registry) {
    if (!isCollecting) collectDefaultMetrics({ register: ofProcess });
    isCollecting = true;
  }

  @Get()
  @Header('Content-Type', Registry.PROMETHEUS_CONTENT_TYPE)
  @ApiOperation({
    summary: "Metrics in Prometheus's text format; from this machine, or with METRICS_TOKEN as bearer token",
  })
  @ApiProduces('text/plain')
  @ApiOkResponse({ type: String })
  async scrape(): Promise<string> {
    return Registry.merge([ofProcess, this.registry]).metrics();
  }
}
