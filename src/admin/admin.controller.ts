import { Body, Controller, Param, Put, Req, UseFilters, UseGuards } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentUser, Fresh, IpAllowlist, Roles, type UserState } from '@latchkey/session';
import type { Request } from 'express';
import { ActRecorder } from '../audit/act-recorder.js';
import { ForbiddenFilter } from '../audit/forbidden.filter.js';
import { ActsService } from '../moderation/acts.service.js';
import { ActReply } from '../moderation/moderation.dto.js';
import { RankGuard } from '../moderation/rank.guard.js';
import { ADMIN_LIST } from './admin-list.js';
import { SetRolesDto } from './admin.dto.js';

@ApiTags('admin')
@Roles('admin')
@IpAllowlist(ADMIN_LIST)
@UseFilters(ForbiddenFilter)
@Controller('admin')
export class AdminController {
  constructor(
    private readonly acts: ActsService,
    private readonly recorder: ActRecorder,
  ) {}

  @Put('users/:id/roles')
  @Fresh('10m')
  @UseGuards(RankGuard)
  @ApiOperation({
    summary: "Replace a user's roles; their sessions have the new ones from the next request on",
  })
  @ApiOkResponse({ type: ActReply })
  setRoles(
    @Param('id') id: string, // no pipe: what is wrong with the body is told first
    @Body() { roles }: SetRolesDto,
    @CurrentUser() actor: UserState,
    @Req() request: Request,
  ): Promise<ActReply> {
    return this.recorder.record(request, { action: 'user.roles', targetId: id, details: { roles } }, () =>
      this.acts.setRoles(actor, id, roles),
    );
  }
}
