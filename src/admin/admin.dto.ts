import { ApiProperty } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayNotEmpty, ArrayUnique, IsArray, IsIn } from 'class-validator';
import { ROLES, type Role } from '../moderation/rank.js';

export class SetRolesDto {
  @ApiProperty({ enum: ROLES, isArray: true, example: ['user', 'moderator'] })
  @ArrayUnique({ message: 'has a role twice' })
  @IsIn(ROLES, { each: true, message: `has a role that is none of ${ROLES.join(', ')}` })
  @ArrayMaxSize(ROLES.length, { message: 'has too many roles' })
  @ArrayNotEmpty({ message: 'is empty' })
  @IsArray({ message: 'is a list' })
  roles!: Role[];
}
