import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type { RevocationReceipt } from '@latchkey/session';
import { IsString, Length, Matches, registerDecorator } from 'class-validator';
import { IsId } from '../http/ids.js';
import { DEFAULT_PAGE, MayBeAbsent, PageSize } from '../http/fields.js';
import { NormalisedName } from '../auth/auth.dto.js';
import { RevokedReply } from '../sessions/session.dto.js';
import { UserDto, UserReply } from '../users/user.dto.js';

/** With seconds or without, and always with its offset: what has none would mean something else on every server. */
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;

function FutureInstant(): PropertyDecorator {
  return (target, propertyName) =>
    registerDecorator({
      name: 'futureInstant',
      target: target.constructor,
      propertyName: propertyName as string,
      options: { message: 'is an ISO 8601 instant in the future, such as 2030-01-31T12:00:00Z' },
      validator: {
        validate: (value) =>
          typeof value === 'string' && INSTANT.test(value) && Date.parse(value) > Date.now(),
      },
    });
}

export class BlockUserDto {
  @ApiProperty({ minLength: 1, maxLength: 500, example: 'Spam' })
  @Matches(/^[\s\S]{1,500}$/, { message: 'has 1–500 characters' })
  @Matches(/\S/, { message: 'is blank' })
  @IsString({ message: 'is a text' })
  reason!: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'When the block ends by itself' })
  @MayBeAbsent()
  @FutureInstant()
  until?: string;
}

export class UsersQuery {
  @PageSize()
  limit: number = DEFAULT_PAGE;

  @ApiPropertyOptional({ description: "The id of the last page's last user" })
  @MayBeAbsent()
  @IsId('user')
  before?: string;

  @ApiPropertyOptional({ example: 'alice', description: 'Only the user of this name' })
  @MayBeAbsent()
  @NormalisedName()
  @Length(1, 128, { message: 'is missing or too long' })
  username?: string;
}

export class UsersReply {
  @ApiProperty({ type: [UserDto] })
  users!: UserDto[];
}

class NodesDto {
  @ApiProperty({ description: 'Nodes with live connections that have carried the act out' })
  confirmed!: number;

  @ApiProperty({ description: 'Those that did not say so in time' })
  expired!: number;
}

class ReceiptDto implements RevocationReceipt {
  @ApiProperty()
  userId!: string;

  @ApiProperty({ description: "The user's version after the act" })
  version!: number;

  @ApiProperty({ description: "The user's authorization epoch after the act" })
  epoch!: number;

  @ApiProperty({ description: 'How many live sessions it ended' })
  sessions!: number;

  @ApiProperty({ description: 'How many open streams and sockets it closed' })
  connectionsClosed!: number;

  @ApiProperty({ type: NodesDto })
  nodes!: NodesDto;

  @ApiProperty({ description: 'How long it took, in milliseconds' })
  ms!: number;
}

export class ActReply extends UserReply {
  @ApiProperty({ type: ReceiptDto })
  receipt!: ReceiptDto;
}

export class EndedReply extends RevokedReply {
  @ApiProperty({ type: ReceiptDto })
  receipt!: ReceiptDto;
}
