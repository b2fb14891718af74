import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type { UserState } from '@latchkey/session';
import type { Account } from './account.js';

class BlockDto {
  @ApiProperty({ description: 'Why, in the words of who blocked', example: 'Spam' })
  reason!: string;

  @ApiPropertyOptional({
    format: 'date-time',
    description: 'When the block ends by itself; absent: when it is lifted',
  })
  until?: string;

  @ApiProperty({ description: 'The id of the user who blocked' })
  by!: string;

  @ApiProperty({ format: 'date-time' })
  at!: string;
}

export class UserDto {
  @ApiProperty({ example: 'Zk3qYx0aB1cD2eF3' })
  id!: string;

  @ApiProperty({ example: 'alice' })
  username!: string;

  @ApiProperty({ type: [String], example: ['user'] })
  roles!: string[];

  @ApiProperty({ enum: ['active', 'blocked'] })
  status!: 'active' | 'blocked';

  @ApiPropertyOptional({ type: BlockDto })
  block?: BlockDto;

  @ApiPropertyOptional({ format: 'email', description: 'Told to its owner, once it was proven' })
  email?: string;

  @ApiPropertyOptional({
    enum: [true],
    description: 'Roles and blocks of this user were lost. They are refused until an admin sets their roles',
  })
  stateLost?: true;
}

export class UserReply {
  @ApiProperty({ type: UserDto })
  user!: UserDto;
}

/** As clients see an account whose user state was lost: whoever may be blocked is refused, and must not look active. */
export function toLostUserDto({ id, username }: Account): UserDto {
  return { id, username, roles: [], status: 'blocked', stateLost: true };
}

/** A user as clients see it: the account's name with the user state of this moment. */
export function toUserDto(account: Account, state: UserState): UserDto {
  const { status, block, roles } = state;
  return {
    id: account.id,
    username: account.username,
    roles: [...roles],
    status,
    ...(block
      ? {
          block: {
            reason: block.reason,
            until: block.until === undefined ? undefined : new Date(block.until).toISOString(),
            by: block.by ?? '',
            at: new Date(block.at).toISOString(),
          },
        }
      : {}),
  };
}
