import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiCookieAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  CurrentSession,
  CurrentUser,
  Roles,
  type Session,
  SessionService,
  type UserState,
} from '@latchkey/session';
import { badRequest } from '../problem/problem.js';
import { SessionsReply, toSessionDto } from '../sessions/session.dto.js';
import { UserReply } from '../users/user.dto.js';
import { UsersService } from '../users/users.service.js';
import { ActsService } from './acts.service.js';
import { ActReply, BlockUserDto, EndedReply, UsersQuery, UsersReply } from './moderation.dto.js';
import { RankGuard } from './rank.guard.js';

@ApiTags('moderation')
@ApiBearerAuth()
@ApiCookieAuth()
@Roles('moderator', 'admin')
@Controller('moderation/users')
export class ModerationController {
  constructor(
    private readonly acts: ActsService,
    private readonly users: UsersService,
    private readonly sessions: SessionService,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Everybody, newest first' })
  @ApiOkResponse({ type: UsersReply })
  async list(@Query() page: UsersQuery): Promise<UsersReply> {
    const accounts = await this.users.list(page);
    if (!accounts) throw badRequest({ field: 'before', message: 'names no user' });
    return { users: await Promise.all(accounts.map((account) => this.users.describe(account))) };
  }

  /** Looking is not acting: the rank rule does not apply. */
  @Get(':id/sessions')
  @ApiOperation({ summary: "A user's devices, newest first" })
  @ApiOkResponse({ type: SessionsReply })
  async listSessions(@Param('id') id: string, @CurrentSession() current: Session): Promise<SessionsReply> {
    const account = await this.users.require(id);
    const sessions = await this.sessions.list(account.id);
    return { sessions: sessions.map((session) => toSessionDto(session, current.id)) };
  }

  @Post(':id/block')
  @UseGuards(RankGuard)
  @HttpCode(200)
  @ApiOperation({ summary: 'Refuse a user from now on, and end all their sessions' })
  @ApiOkResponse({ type: ActReply })
  block(
    @Param('id') id: string,
    @Body() { reason, until }: BlockUserDto,
    @CurrentUser() actor: UserState,
  ): Promise<ActReply> {
    return this.acts.block(actor, id, { reason, ...(until === undefined ? {} : { until: new Date(until) }) });
  }

  @Delete(':id/block')
  @UseGuards(RankGuard)
  @ApiOperation({ summary: 'Lift a block; old sessions stay dead' })
  @ApiOkResponse({ type: UserReply })
  unblock(@Param('id') id: string, @CurrentUser() actor: UserState): Promise<UserReply> {
    return this.acts.unblock(actor, id);
  }

  @Delete(':id/sessions')
  @UseGuards(RankGuard)
  @ApiOperation({ summary: 'Log a user out everywhere' })
  @ApiOkResponse({ type: EndedReply })
  async endSessions(@Param('id') id: string, @CurrentUser() actor: UserState): Promise<EndedReply> {
    const receipt = await this.acts.endSessions(actor, id);
    return { revoked: receipt.sessions, receipt };
  }
}
