import { ApiProperty } from '@nestjs/swagger';
import type { PolicyEntry } from '@latchkey/session';

export class ManifestReply {
  @ApiProperty({
    type: 'array',
    items: { type: 'object', additionalProperties: true },
    description: 'Every handler with its effective access, as policy.manifest.json has them',
  })
  entries!: readonly PolicyEntry[];
}

export class NodeDto {
  @ApiProperty()
  id!: string;

  @ApiProperty({ example: 'web-1:4711', description: 'The machine and the process on it' })
  name!: string;

  @ApiProperty({ description: 'Whether it answered this very request' })
  answering!: boolean;

  @ApiProperty({ format: 'date-time' })
  startedAt!: string;

  @ApiProperty({ description: 'Open streams and sockets' })
  connections!: number;
}

export class NodesReply {
  @ApiProperty({ type: [NodeDto] })
  nodes!: NodeDto[];
}

export class ActivitySecondDto {
  @ApiProperty({ format: 'date-time', description: 'When this second began' })
  at!: string;

  @ApiProperty()
  permitted!: number;

  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'integer' },
    example: { session_revoked: 2 },
    description: 'By reason',
  })
  denied!: Readonly<Record<string, number>>;
}

export class ActivityReply {
  @ApiProperty({ format: 'date-time', description: "The node's clock" })
  now!: string;

  @ApiProperty({ description: 'How many seconds are kept' })
  kept!: number;

  @ApiProperty({ type: [ActivitySecondDto], description: 'Seconds without a request are left out' })
  seconds!: ActivitySecondDto[];
}
