import { Controller, Get, UseGuards } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Public } from '@latchkey/session';
import { LoopbackGuard } from '../http/loopback.guard.js';
import { MemoryOutbox } from './memory-outbox.js';
import { OutboxReply } from './outbox.dto.js';

@ApiTags('development')
@Public()
@UseGuards(LoopbackGuard)
@Controller('dev/outbox')
export class OutboxController {
  constructor(private readonly outbox: MemoryOutbox) {}

  @Get()
  @ApiOperation({
    summary: 'The messages that would have been sent; from this machine only, never in production',
  })
  @ApiOkResponse({ type: OutboxReply })
  list(): OutboxReply {
    return {
      messages: this.outbox.messages.map(({ to, purpose, token, at }) => ({
        to,
        purpose,
        token,
        at: new Date(at).toISOString(),
      })),
    };
  }
}
