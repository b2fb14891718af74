import { Controller, Get, UseFilters } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { IpAllowlist, Passive, PolicyManifest, Roles } from '@latchkey/session';
import { ADMIN_LIST } from '../admin/admin-list.js';
import { ForbiddenFilter } from '../audit/forbidden.filter.js';
import { Activity } from './activity.js';
import { KEPT_SECONDS } from './activity-seconds.js';
import { NodeBoard } from './node-board.js';
import { ActivityReply, ManifestReply, NodesReply } from './operations.dto.js';

/** What the app looks like from inside, for admins. Pages ask for it by themselves: that is no activity of theirs. */
@ApiTags('admin')
@Roles('admin')
@IpAllowlist(ADMIN_LIST)
@Passive()
@UseFilters(ForbiddenFilter)
@Controller('admin')
export class OperationsController {
  constructor(
    private readonly policy: PolicyManifest,
    private readonly board: NodeBoard,
    private readonly decisions: Activity,
  ) {}

  @Get('manifest')
  @ApiOperation({ summary: 'Who may reach what: every handler with its effective access' })
  @ApiOkResponse({ type: ManifestReply })
  manifest(): ManifestReply {
    return { entries: this.policy.list() };
  }

  @Get('nodes')
  @ApiOperation({ summary: 'The nodes that serve, and how many connections each of them holds' })
  @ApiOkResponse({ type: NodesReply })
  async nodes(): Promise<NodesReply> {
    const lines = await this.board.list();
    const nodes = lines.map(({ id, name, startedAt, connections }) => ({
      id,
      name,
      answering: id === this.board.id,
      startedAt: new Date(startedAt).toISOString(),
      connections,
    }));
    return { nodes };
  }

  @Get('activity')
  @ApiOperation({ summary: 'How many requests all nodes permitted and denied, second by second' })
  @ApiOkResponse({ type: ActivityReply })
  async activity(): Promise<ActivityReply> {
    const recent = await this.decisions.recent();
    const seconds = recent.map(({ at, permitted, denied }) => ({
      at: new Date(at).toISOString(),
      permitted,
      denied,
    }));
    return { now: new Date().toISOString(), kept: KEPT_SECONDS, seconds };
  }
}
