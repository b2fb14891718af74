import { ApiProperty } from '@nestjs/swagger';
import { IsEmail, IsString, Length } from 'class-validator';

export class RequestEmailProofDto {
  @ApiProperty({ format: 'email', example: 'alice@example.org' })
  @IsEmail({}, { message: 'is no e-mail address' })
  @Length(3, 254, { message: 'is missing or too long' })
  @IsString({ message: 'is a text' })
  email!: string;
}

export class ConfirmEmailProofDto {
  @ApiProperty({ description: 'From the message; works once' })
  @Length(1, 256, { message: 'is missing or too long' })
  @IsString({ message: 'is a text' })
  token!: string;
}
