import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type { AuditDetails, AuditOutcome } from '@latchkey/session/audit';
import { IsId } from '../http/ids.js';
import { AUDIT_ACTIONS, described, OUTCOMES } from './actions.js';
import { DEFAULT_PAGE, MayBeAbsent, PageSize } from '../http/fields.js';

export class AuditQuery {
  @PageSize()
  limit: number = DEFAULT_PAGE;

  @ApiPropertyOptional({ description: "The id of the last page's last event, or its `next`" })
  @MayBeAbsent()
  @IsId('event')
  before?: string;

  @ApiPropertyOptional({ description: 'Only what this user did, or what was done to them' })
  @MayBeAbsent()
  @IsId('user')
  userId?: string;
}

export class PersonDto {
  @ApiProperty()
  id!: string;

  @ApiPropertyOptional({ example: 'mia', description: 'Absent for an account that is gone' })
  username?: string;
}

export class AuditEventDto {
  @ApiProperty({ example: '1790000000000-0' })
  id!: string;

  @ApiProperty({ format: 'date-time' })
  at!: string;

  @ApiProperty({ example: 'user.block', description: described(AUDIT_ACTIONS) })
  action!: string;

  @ApiPropertyOptional({ type: PersonDto, description: 'Who; absent when that is not known' })
  actor?: PersonDto;

  @ApiPropertyOptional({ type: PersonDto, description: 'Whom' })
  target?: PersonDto;

  @ApiPropertyOptional({ description: 'The client IP; absent when it is not known' })
  ip?: string;

  @ApiProperty({
    enum: Object.keys(OUTCOMES),
    description: described(OUTCOMES),
  })
  outcome!: AuditOutcome;

  @ApiProperty({ type: 'object', additionalProperties: true })
  details!: AuditDetails;
}

/** Entries from before these instants may be missing. */
export class AuditLossDto {
  @ApiPropertyOptional({ format: 'date-time', description: 'Acts upon others' })
  acts?: string | undefined;

  @ApiPropertyOptional({ format: 'date-time', description: 'Acts upon the own account, such as logins' })
  routine?: string | undefined;

  @ApiPropertyOptional({ format: 'date-time', description: 'Denials and failures' })
  denials?: string | undefined;
}

export class AuditReply {
  @ApiProperty({ type: [AuditEventDto] })
  events!: AuditEventDto[];

  @ApiPropertyOptional({ description: 'The `before` of the next page; absent when this is the last' })
  next?: string;

  @ApiPropertyOptional({
    type: AuditLossDto,
    description: 'Present once older entries were dropped, being too many',
  })
  droppedBefore?: AuditLossDto;
}
