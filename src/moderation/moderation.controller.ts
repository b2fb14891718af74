import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Param,
  Post,
  Query,
  Req,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  CurrentSession,
  CurrentUser,
  Roles,
  type Session,
  SessionService,
  type UserState,
} from '@latchkey/session';
import type { Request } from 'express';
import { ActRecorder } from '../audit/act-recorder.js';
import { ForbiddenFilter } from '../audit/forbidden.filter.js';
import { existing } from '../http/ids.js';
import { badRequest } from '../problem/problem.js';
import { SessionsReply, toSessionDto } from '../sessions/session.dto.js';
import type { Account } from '../users/account.js';
import { UserReply } from '../users/user.dto.js';
import { UsersService } from '../users/users.service.js';
import { ActsService } from './acts.service.js';
import { ActReply, BlockUserDto, EndedReply, UsersQuery, UsersReply } from './moderation.dto.js';
import { RankGuard } from './rank.guard.js';

@ApiTags('moderation')
@Roles('moderator', 'admin')
@UseFilters(ForbiddenFilter)
@Controller('moderation/users')
export class ModerationController {
  constructor(
    private readonly acts: ActsService,
    private readonly users: UsersService,
    private readonly sessions: SessionService,
    private readonly recorder: ActRecorder,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Everybody, newest first; or the one user of a name' })
  @ApiOkResponse({ type: UsersReply })
  async list(@Query() { username, ...page }: UsersQuery): Promise<UsersReply> {
    const accounts = username === undefined ? await this.users.list(page) : await this.named(username);
    if (!accounts) throw badRequest({ field: 'before', message: 'names no user' });
    return { users: await Promise.all(accounts.map((account) => this.users.describe(account))) };
  }

  /** Devices and addresses are told by rank, as acts are allowed; one's own to everybody. */
  @Get(':id/sessions')
  @ApiOperation({ summary: "A user's devices, newest first" })
  @ApiOkResponse({ type: SessionsReply })
  async listSessions(
    @Param('id', existing('user')) id: string,
    @CurrentUser() actor: UserState,
    @CurrentSession() current: Session,
  ): Promise<SessionsReply> {
    const account = await this.users.require(id);
    await this.acts.assertMayLook(actor, account);
    const sessions = await this.sessions.list(account.id);
    return { sessions: sessions.map((session) => toSessionDto(session, current.id)) };
  }

  @Post(':id/block')
  @UseGuards(RankGuard)
  @HttpCode(200)
  @ApiOperation({ summary: 'Refuse a user from now on, and end all their sessions' })
  @ApiOkResponse({ type: ActReply })
  block(
    @Param('id') id: string, // no pipe: what is wrong with the body is told first
    @Body() { reason, until }: BlockUserDto,
    @CurrentUser() actor: UserState,
    @Req() request: Request,
  ): Promise<ActReply> {
    const block = { reason, ...(until === undefined ? {} : { until: new Date(until) }) };
    const details = { reason, ...(until === undefined ? {} : { until }) };
    return this.recorder.record(request, { action: 'user.block', targetId: id, details }, () =>
      this.acts.block(actor, id, block),
    );
  }

  @Delete(':id/block')
  @UseGuards(RankGuard)
  @ApiOperation({ summary: 'Lift a block; old sessions stay dead' })
  @ApiOkResponse({ type: UserReply })
  unblock(
    @Param('id', existing('user')) id: string,
    @CurrentUser() actor: UserState,
    @Req() request: Request,
  ): Promise<UserReply> {
    return this.recorder.record(request, { action: 'user.unblock', targetId: id }, () =>
      this.acts.unblock(actor, id),
    );
  }

  @Delete(':id/sessions')
  @UseGuards(RankGuard)
  @ApiOperation({ summary: 'Log a user out everywhere' })
  @ApiOkResponse({ type: EndedReply })
  async endSessions(
    @Param('id', existing('user')) id: string,
    @CurrentUser() actor: UserState,
    @Req() request: Request,
  ): Promise<EndedReply> {
    const what = { action: 'sessions.revoke', targetId: id } as const;
    const receipt = await this.recorder.record(request, what, async (act) => {
      const ended = await this.acts.endSessions(actor, id);
      act.add({ details: { sessions: ended.sessions } });
      return ended;
    });
    return { revoked: receipt.sessions, receipt };
  }

  private async named(username: string): Promise<Account[]> {
    const account = await this.users.findByUsername(username);
    return account ? [account] : [];
  }
}
