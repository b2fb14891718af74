import { Controller, Get, Query, UseFilters } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { AuditLog, Roles } from '@latchkey/session';
import type { AuditEntry, AuditLoss } from '@latchkey/session/audit';
import { isInstant } from '../untrusted/untrusted-json.js';
import { UsersService } from '../users/users.service.js';
import {
  type AuditEventDto,
  type AuditLossDto,
  AuditQuery,
  AuditReply,
  type PersonDto,
} from './audit.dto.js';
import { ForbiddenFilter } from './forbidden.filter.js';

@ApiTags('moderation')
@Roles('moderator', 'admin')
@UseFilters(ForbiddenFilter)
@Controller('moderation/audit')
export class AuditController {
  constructor(
    private readonly audit: AuditLog,
    private readonly users: UsersService,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Who did what to whom, when and from which IP, newest first' })
  @ApiOkResponse({ type: AuditReply })
  async list(@Query() { limit, before, userId }: AuditQuery): Promise<AuditReply> {
    const {
      entries: read,
      next,
      droppedBefore,
    } = await this.audit.read({
      limit,
      ...(before === undefined ? {} : { before }),
      ...(userId === undefined ? {} : { userId }),
    });
    const entries = read.filter(({ at }) => isInstant(at)); // Redis may hold what no node wrote
    const people = await this.peopleIn(entries);
    return {
      events: entries.map((entry) => toEventDto(entry, people)),
      next,
      ...(droppedBefore && { droppedBefore: toLossDto(droppedBefore) }),
    };
  }

  private async peopleIn(entries: readonly AuditEntry[]): Promise<ReadonlyMap<string, PersonDto>> {
    const ids = new Set(entries.flatMap(({ actorId, targetId }) => [actorId, targetId]));
    ids.delete(undefined);
    const people = [...(ids as Set<string>)].map(async (id): Promise<[string, PersonDto]> => {
      const account = await this.users.find(id);
      return [id, { id, username: account?.username }];
    });
    return new Map(await Promise.all(people));
  }
}

function toLossDto({ acts, routine, denials }: AuditLoss): AuditLossDto {
  const instant = (at: number | undefined): string | undefined =>
    at === undefined || !isInstant(at) ? undefined : new Date(at).toISOString();
  return { acts: instant(acts), routine: instant(routine), denials: instant(denials) };
}

function toEventDto(entry: AuditEntry, people: ReadonlyMap<string, PersonDto>): AuditEventDto {
  const { id, at, action, outcome, actorId, targetId, ip, details } = entry;
  const actor = people.get(actorId ?? '');
  const target = people.get(targetId ?? '');
  return {
    id,
    at: new Date(at).toISOString(),
    action,
    actor,
    target,
    ip,
    outcome,
    details,
  };
}
