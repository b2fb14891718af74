import { Controller, Get, Headers, Req, Res } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentSession, CurrentUser, EventStreams, type Session, type UserState } from '@latchkey/session';
import type { Request, Response } from 'express';
import { toSessionDto } from '../sessions/session.dto.js';
import { MissedPosts } from './missed-posts.js';
import { type Broadcast, Timeline } from './timeline.js';

/** How long a browser waits before it connects again. */
const RETRY_MS = 2_000;

@ApiTags('live')
@Controller('events')
export class EventsController {
  constructor(
    private readonly streams: EventStreams,
    private readonly timeline: Timeline,
    private readonly missed: MissedPosts,
  ) {}

  @Get()
  @ApiOperation({
    summary: 'The timeline as it happens, as Server-Sent Events',
    description:
      '`hello` when the stream is open, `post` with each new post, and `session-ended` with `{ code }` just before the server ends it. ' +
      'With `Last-Event-ID`, which browsers send when they connect again, the posts since then come first: the newest 100 of them, ' +
      'and if there were more, before them `gap` with `{ before }` for `GET /posts`, or without where the last post seen is gone',
  })
  @ApiHeader({ name: 'Last-Event-ID', required: false, description: 'The `id` of the last event' })
  @ApiOkResponse({ content: { 'text/event-stream': { schema: { type: 'string' } } } })
  async open(
    @CurrentUser() user: UserState,
    @CurrentSession() session: Session,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const early: Broadcast[] = [];
    let tell = (broadcast: Broadcast): void => void early.push(broadcast);
    const unsubscribe = this.timeline.subscribe((broadcast) => tell(broadcast));
    try {
      const { posts, cursor, isCut } = await this.missed.since(lastEventId, user.id);
      const stream = await this.streams.open(request, response);
      stream.onEnd(unsubscribe);
      const hello = { userId: user.id, session: toSessionDto(session, session.id) };
      stream.send('hello', hello, { id: cursor.id, retryMs: RETRY_MS });
      if (isCut) stream.send('gap', posts[0] ? { before: posts[0].id } : {});
      tell = ({ name, data }) => {
        if (name !== 'post') stream.send(name, data);
        else if (cursor.add(data.id)) stream.send(name, data, { id: cursor.id });
      };
      for (const data of posts) tell({ name: 'post', data });
      for (const broadcast of early) tell(broadcast);
    } catch (error) {
      unsubscribe();
      throw error;
    }
  }
}
