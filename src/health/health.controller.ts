import { Controller, Get, Inject, Logger, Res } from '@nestjs/common';
import {
  ApiOkResponse,
  ApiOperation,
  ApiProperty,
  ApiServiceUnavailableResponse,
  ApiTags,
} from '@nestjs/swagger';
import { Public, UserStateService } from '@latchkey/session';
import type { Response } from 'express';
import { APP_CONFIG, type AppConfig } from '../config/app-config.js';

class RedisHealthDto {
  @ApiProperty({ enum: ['up', 'down', 'not used'] })
  status!: 'up' | 'down' | 'not used';
}

class HealthReply {
  @ApiProperty({ enum: ['ok', 'error'] })
  status!: 'ok' | 'error';

  @ApiProperty({ enum: ['memory', 'redis'], description: 'Where sessions, users and posts are kept' })
  storage!: 'memory' | 'redis';

  @ApiProperty({ type: RedisHealthDto })
  redis!: RedisHealthDto;
}

/** Any id will do: asked is whether there is an answer. */
const NOBODY = 'health-check';

@ApiTags('health')
@Public()
@Controller('health')
export class HealthController {
  private readonly logger = new Logger(HealthController.name);
  private wasUp = true;

  constructor(
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    private readonly states: UserStateService,
  ) {}

  /** Goes the way of a guarded request, so that it says what such a request would meet, and as soon. */
  @Get()
  @ApiOperation({ summary: 'Whether requests can be served' })
  @ApiOkResponse({ type: HealthReply })
  @ApiServiceUnavailableResponse({ type: HealthReply })
  async check(@Res({ passthrough: true }) response: Response): Promise<HealthReply> {
    const isUp = await this.canAnswer();
    if (!isUp) response.status(503).set('Retry-After', '1');
    const isRedis = this.config.storage.kind !== 'memory';
    return {
      status: isUp ? 'ok' : 'error',
      storage: isRedis ? 'redis' : 'memory',
      redis: { status: isRedis ? (isUp ? 'up' : 'down') : 'not used' },
    };
  }

  private async canAnswer(): Promise<boolean> {
    try {
      await this.states.get(NOBODY);
      this.wasUp = true;
      return true;
    } catch (error) {
      if (this.wasUp) this.logger.warn(`Not ready: ${String(error)}`);
      this.wasUp = false;
      return false;
    }
  }
}
