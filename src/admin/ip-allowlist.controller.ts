import { Body, Controller, Get, Param, Put, Query, Req, UseFilters } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { IpAllowlist, IpAllowlists, Roles, SessionTransport } from '@latchkey/session';
import type { Request } from 'express';
import { ActRecorder } from '../audit/act-recorder.js';
import { ForbiddenFilter } from '../audit/forbidden.filter.js';
import { existing, newName } from '../http/ids.js';
import { Problem } from '../problem/problem.js';
import { ADMIN_LIST } from './admin-list.js';
import { IpAllowlistReply, SetIpAllowlistDto, SetIpAllowlistQuery } from './ip-allowlist.dto.js';
import { IpListActs } from './ip-list-acts.service.js';

@ApiTags('admin')
@Roles('admin')
@IpAllowlist(ADMIN_LIST)
@UseFilters(ForbiddenFilter)
@Controller('admin/ip-allowlists')
export class IpAllowlistController {
  constructor(
    private readonly lists: IpAllowlists,
    private readonly acts: IpListActs,
    private readonly recorder: ActRecorder,
    private readonly transport: SessionTransport,
  ) {}

  @Get(':name')
  @ApiOperation({ summary: 'A list of addresses; `admin` is the one that guards /admin' })
  @ApiOkResponse({ type: IpAllowlistReply })
  async read(@Param('name', existing('ipList')) name: string): Promise<IpAllowlistReply> {
    const list = await this.lists.get(name);
    if (!list) throw new Problem('not_found');
    return { name, cidrs: list.cidrs };
  }

  @Put(':name')
  @ApiOperation({ summary: 'Replace or make a list; it holds on every node from the next request on' })
  @ApiOkResponse({ type: IpAllowlistReply })
  async replace(
    @Param('name', newName('ipList')) name: string,
    @Body() { cidrs }: SetIpAllowlistDto,
    @Query() { force }: SetIpAllowlistQuery,
    @Req() request: Request,
  ): Promise<IpAllowlistReply> {
    const isForced = force === 'true';
    const details = { list: name, after: excerpt(cidrs), ...(isForced ? { forced: true } : {}) };
    return this.recorder.record(request, { action: 'ip_allowlist.set', details }, async (act) => {
      const change = { name, cidrs, isForced, clientIp: this.transport.clientIp(request) };
      const { before } = await this.acts.replace(change);
      act.add({ details: before ? { before: excerpt(before) } : {} });
      return { name, cidrs };
    });
  }
}

/** As much of a list as an audit entry takes. */
const EXCERPT = 32;

function excerpt(cidrs: readonly string[]): readonly string[] {
  if (cidrs.length <= EXCERPT) return cidrs;
  return [...cidrs.slice(0, EXCERPT), `… and ${cidrs.length - EXCERPT} more`];
}
