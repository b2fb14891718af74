import { ApiProperty } from '@nestjs/swagger';
import { IsString, Length } from 'class-validator';
import { NormalisedName } from './auth.dto.js';

export class RequestPasswordResetDto {
  @ApiProperty({ example: 'alice' })
  @NormalisedName()
  @Length(1, 128, { message: 'is missing or too long' })
  @IsString({ message: 'is a text' })
  username!: string;
}

export class ConfirmPasswordResetDto {
  @ApiProperty({ description: 'From the message; works once' })
  @Length(1, 256, { message: 'is missing or too long' })
  @IsString({ message: 'is a text' })
  token!: string;

  @ApiProperty({ minLength: 8, maxLength: 128 })
  @Length(8, 128, { message: 'has 8–128 characters' })
  @IsString({ message: 'is a text' })
  newPassword!: string;
}
