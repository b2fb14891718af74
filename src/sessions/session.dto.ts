import { ApiProperty } from '@nestjs/swagger';
import type { Session } from '@latchkey/session';
import { IsIn } from 'class-validator';

class DeviceDto {
  @ApiProperty({ example: 'My phone' })
  name!: string;

  @ApiProperty({ example: 'Chrome 156 on Android' })
  userAgent!: string;

  @ApiProperty({ example: '192.0.2.7' })
  ip!: string;
}

export class SessionDto {
  @ApiProperty({ description: 'Names the session; never accepted as a credential' })
  id!: string;

  @ApiProperty({ description: 'Whether it is the session of this very request' })
  current!: boolean;

  @ApiProperty({ type: DeviceDto })
  device!: DeviceDto;

  @ApiProperty({ format: 'date-time' })
  createdAt!: string;

  @ApiProperty({ format: 'date-time' })
  lastSeenAt!: string;

  @ApiProperty({ format: 'date-time', description: 'When it ends if no request comes' })
  expiresAt!: string;

  @ApiProperty({ format: 'date-time', description: 'When it ends whatever happens' })
  absoluteExpiresAt!: string;
}

export class SessionReply {
  @ApiProperty({ type: SessionDto })
  session!: SessionDto;
}

export class SessionsReply {
  @ApiProperty({ type: [SessionDto] })
  sessions!: SessionDto[];
}

export class SessionDataReply {
  @ApiProperty({ type: 'object', additionalProperties: true, example: { theme: 'dark' } })
  data!: object;
}

export class RevokedReply {
  @ApiProperty({ description: 'How many live sessions were ended' })
  revoked!: number;
}

export class RevocationScope {
  @ApiProperty({ enum: ['others', 'all'] })
  @IsIn(['others', 'all'], { message: 'is others or all' })
  scope!: 'others' | 'all';
}

/** A session as clients see it. @param currentId the session of the request that asks */
export function toSessionDto(session: Session, currentId: string): SessionDto {
  const { id, device, createdAt, lastSeenAt, expiresAt, absoluteExpiresAt } = session;
  return {
    id,
    current: id === currentId,
    device: { name: device.name, userAgent: device.userAgent, ip: device.ip },
    createdAt: toIso(createdAt),
    lastSeenAt: toIso(lastSeenAt),
    expiresAt: toIso(expiresAt),
    absoluteExpiresAt: toIso(absoluteExpiresAt),
  };
}

function toIso(instant: number): string {
  return new Date(instant).toISOString();
}
