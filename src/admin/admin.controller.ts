import { Body, Controller, Param, Put, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiCookieAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentUser, Fresh, Roles, type UserState } from '@latchkey/session';
import { ActsService } from '../moderation/acts.service.js';
import { ActReply } from '../moderation/moderation.dto.js';
import { RankGuard } from '../moderation/rank.guard.js';
import { SetRolesDto } from './admin.dto.js';

@ApiTags('admin')
@ApiBearerAuth()
@ApiCookieAuth()
@Roles('admin')
@Controller('admin')
export class AdminController {
  constructor(private readonly acts: ActsService) {}

  @Put('users/:id/roles')
  @Fresh('10m')
  @UseGuards(RankGuard)
  @ApiOperation({
    summary: "Replace a user's roles; their sessions have the new ones from the next request on",
  })
  @ApiOkResponse({ type: ActReply })
  setRoles(
    @Param('id') id: string,
    @Body() { roles }: SetRolesDto,
    @CurrentUser() actor: UserState,
  ): Promise<ActReply> {
    return this.acts.setRoles(actor, id, roles);
  }
}
