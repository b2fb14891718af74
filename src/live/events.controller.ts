import { Controller, Get, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiCookieAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentSession, CurrentUser, EventStreams, type Session, type UserState } from '@latchkey/session';
import type { Request, Response } from 'express';
import { toSessionDto } from '../sessions/session.dto.js';
import { Timeline } from './timeline.js';

@ApiTags('live')
@ApiBearerAuth()
@ApiCookieAuth()
@Controller('events')
export class EventsController {
  constructor(
    private readonly streams: EventStreams,
    private readonly timeline: Timeline,
  ) {}

  @Get()
  @ApiOperation({
    summary: 'The timeline as it happens, as Server-Sent Events',
    description:
      '`hello` when the stream is open, `post` with each new post, and `session-ended` with `{ code }` just before the server ends it',
  })
  @ApiOkResponse({ content: { 'text/event-stream': { schema: { type: 'string' } } } })
  async open(
    @CurrentUser() user: UserState,
    @CurrentSession() session: Session,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const stream = await this.streams.open(request, response);
    stream.onEnd(this.timeline.subscribe(({ name, data }) => stream.send(name, data)));
    stream.send('hello', { userId: user.id, session: toSessionDto(session, session.id) });
  }
}
