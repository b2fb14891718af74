import { Body, Controller, Get, Patch } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentSession, type Session, SessionData, SessionError, SessionService } from '@latchkey/session';
import { badRequest } from '../problem/problem.js';
import { SessionDataReply } from './session.dto.js';

/** What clients keep in their session: any JSON object of up to 8 KiB. */
@ApiTags('sessions')
@Controller('sessions/current/data')
export class SessionDataController {
  constructor(private readonly sessions: SessionService) {}

  @Get()
  @ApiOperation({ summary: 'What I keep in this session' })
  @ApiOkResponse({ type: SessionDataReply })
  read(@SessionData() data: object): SessionDataReply {
    return { data };
  }

  @Patch()
  @ApiOperation({ summary: 'Merge keys into what I keep in this session; null deletes one' })
  @ApiBody({
    schema: { type: 'object', additionalProperties: true, example: { theme: 'dark', draft: null } },
  })
  @ApiOkResponse({ type: SessionDataReply })
  async merge(@Body() body: unknown, @CurrentSession() current: Session): Promise<SessionDataReply> {
    if (typeof body !== 'object' || body === null || Array.isArray(body))
      throw badRequest({ field: 'body', message: 'is a JSON object' });
    const patch = Object.fromEntries(Object.entries(body).map(([key, value]) => [key, value ?? undefined]));
    try {
      return { data: (await this.sessions.data(current).merge(patch)).data };
    } catch (error) {
      if (error instanceof SessionError && error.code === 'bad_request')
        throw badRequest({ field: 'body', message: error.message });
      throw error;
    }
  }
}
