import { Controller, Delete, Get, HttpCode, Param, Query, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentSession, Passive, type Session, SessionService } from '@latchkey/session';
import type { Request, Response } from 'express';
import { ClientTokens } from '../auth/client-tokens.js';
import { existing } from '../http/ids.js';
import { Problem } from '../problem/problem.js';
import { RevocationScope, RevokedReply, SessionReply, SessionsReply, toSessionDto } from './session.dto.js';

@ApiTags('sessions')
@Controller('sessions')
export class SessionsController {
  constructor(
    private readonly sessions: SessionService,
    private readonly tokens: ClientTokens,
  ) {}

  @Get()
  @ApiOperation({ summary: 'My devices, newest first' })
  @ApiOkResponse({ type: SessionsReply })
  async list(@CurrentSession() current: Session): Promise<SessionsReply> {
    const sessions = await this.sessions.list(current.userId);
    return { sessions: sessions.map((session) => toSessionDto(session, current.id)) };
  }

  @Passive()
  @Get('current')
  @ApiOperation({
    summary: 'This session, and how long it has. Asking is no activity: for pages that ask by themselves',
  })
  @ApiOkResponse({ type: SessionReply })
  current(@CurrentSession() current: Session): SessionReply {
    return { session: toSessionDto(current, current.id) };
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({ summary: 'Log one of my devices out' })
  async revoke(
    @Param('id', existing('session')) id: string,
    @CurrentSession() current: Session,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<void> {
    if (!(await this.sessions.revoke(current.userId, id)))
      throw new Problem('not_found', 'You have no such session');
    if (id === current.id) this.tokens.takeBack({ request, response });
  }

  @Delete()
  @ApiOperation({ summary: 'Log all my other devices out, or all of them' })
  @ApiOkResponse({ type: RevokedReply })
  async revokeAll(
    @Query() { scope }: RevocationScope,
    @CurrentSession() current: Session,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<RevokedReply> {
    const { sessions } = await this.sessions.revokeAll(
      current.userId,
      scope === 'others' ? { except: current } : {},
    );
    if (scope === 'all') this.tokens.takeBack({ request, response });
    return { revoked: sessions };
  }
}
