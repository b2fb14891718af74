import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsBoolean, IsIn, IsString, Length, Matches } from 'class-validator';
import { MayBeAbsent } from '../http/fields.js';
import { SessionDto } from '../sessions/session.dto.js';
import { USERNAME, normaliseUsername } from '../users/account.js';
import { UserDto } from '../users/user.dto.js';

const NEW_PASSWORD = { minLength: 8, maxLength: 128 };
/** A name before it is normalised; NFKC makes up to 18 characters of one. */
const LONGEST_RAW_NAME = 128;

export function NormalisedName(): PropertyDecorator {
  return Transform(({ value }: { value: unknown }) =>
    typeof value === 'string' && value.length <= LONGEST_RAW_NAME ? normaliseUsername(value) : value,
  );
}

export class RegisterDto {
  @ApiProperty({ minLength: 3, maxLength: 32, example: 'carol', description: 'Letters, digits, _ and -' })
  @NormalisedName()
  @Matches(USERNAME, { message: 'has 3–32 letters, digits, _ or -' })
  @IsString({ message: 'is a text' })
  username!: string;

  @ApiProperty(NEW_PASSWORD)
  @Length(8, 128, { message: 'has 8–128 characters' })
  @IsString({ message: 'is a text' })
  password!: string;
}

export class LoginDto {
  @ApiProperty({ example: 'alice' })
  @NormalisedName()
  @Length(1, LONGEST_RAW_NAME, { message: 'is missing or too long' })
  @IsString({ message: 'is a text' })
  username!: string;

  @ApiProperty({ example: 'correct-horse-alice' })
  @Length(1, 128, { message: 'is missing or too long' })
  @IsString({ message: 'is a text' })
  password!: string;

  @ApiPropertyOptional({ enum: ['cookie', 'bearer'], default: 'cookie' })
  @MayBeAbsent()
  @IsIn(['cookie', 'bearer'], { message: 'is cookie or bearer' })
  transport?: 'cookie' | 'bearer';

  @ApiPropertyOptional({ maxLength: 64, example: 'My phone' })
  @MayBeAbsent()
  @Length(0, 64, { message: 'has at most 64 characters' })
  @IsString({ message: 'is a text' })
  deviceName?: string;

  @ApiPropertyOptional({ default: false, description: 'Stay logged in for longer' })
  @MayBeAbsent()
  @IsBoolean({ message: 'is true or false' })
  rememberMe?: boolean;
}

export class ReauthenticateDto {
  @ApiProperty()
  @Length(1, 128, { message: 'is missing or too long' })
  @IsString({ message: 'is a text' })
  password!: string;
}

export class ChangePasswordDto {
  @ApiProperty()
  @Length(1, 128, { message: 'is missing or too long' })
  @IsString({ message: 'is a text' })
  currentPassword!: string;

  @ApiProperty(NEW_PASSWORD)
  @Length(8, 128, { message: 'has 8–128 characters' })
  @IsString({ message: 'is a text' })
  newPassword!: string;
}

export class RefreshDto {
  @ApiPropertyOptional({ description: 'For bearer clients only; cookie clients have it in their cookie' })
  @MayBeAbsent()
  @IsString({ message: 'is a text' })
  refreshToken?: string;
}

/** What a cookie client gets of its new tokens: when to come back for others. The tokens themselves are in its cookies. */
export class TokensDto {
  @ApiPropertyOptional({ description: 'For bearer clients only; cookie clients have it in their cookie' })
  token?: string;

  @ApiPropertyOptional({ description: 'For bearer clients only, with REFRESH=on: works once' })
  refreshToken?: string;

  @ApiProperty({
    format: 'date-time',
    description:
      'When the token ends: by its own time with REFRESH=on, else with the session if no request comes',
  })
  expiresAt!: string;
}

export class IdentityReply {
  @ApiProperty({ type: UserDto })
  user!: UserDto;

  @ApiProperty({ type: SessionDto })
  session!: SessionDto;
}

export class LoginReply extends IdentityReply {
  @ApiPropertyOptional({ description: 'For bearer clients only' })
  token?: string;

  @ApiPropertyOptional({ description: 'For bearer clients only, with REFRESH=on: works once' })
  refreshToken?: string;

  @ApiProperty({ format: 'date-time', description: 'When the token ends' })
  expiresAt!: string;
}
