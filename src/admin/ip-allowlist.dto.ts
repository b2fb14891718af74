import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ArrayMaxSize, IsArray, IsIn, IsString, MaxLength } from 'class-validator';
import { MayBeAbsent } from '../http/fields.js';

export class SetIpAllowlistDto {
  @ApiProperty({
    isArray: true,
    type: String,
    maxItems: 1_000,
    example: ['203.0.113.0/24', '2001:db8::/32', '192.0.2.7'],
    description: 'CIDRs or single addresses, IPv4 and IPv6. Literal: an empty list lets nobody in',
  })
  @MaxLength(64, { each: true, message: 'has an entry that is no IP address or CIDR' })
  @IsString({ each: true, message: 'has an entry that is no text' })
  @ArrayMaxSize(1_000, { message: 'has at most 1000 entries' })
  @IsArray({ message: 'is a list' })
  cidrs!: string[];
}

export class SetIpAllowlistQuery {
  @ApiPropertyOptional({ enum: ['true', 'false'], description: 'Even if it locks out who asks for it' })
  @MayBeAbsent()
  @IsIn(['true', 'false'], { message: 'is true or false' })
  force?: 'true' | 'false';
}

export class IpAllowlistReply {
  @ApiProperty()
  name!: string;

  @ApiProperty({ type: [String] })
  cidrs!: readonly string[];
}
