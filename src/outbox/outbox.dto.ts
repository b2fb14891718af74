import { ApiProperty } from '@nestjs/swagger';

class MessageDto {
  @ApiProperty({ example: 'alice' })
  to!: string;

  @ApiProperty({ example: 'password-reset' })
  purpose!: string;

  @ApiProperty()
  token!: string;

  @ApiProperty({ format: 'date-time' })
  at!: string;
}

export class OutboxReply {
  @ApiProperty({ type: [MessageDto], description: 'Newest first' })
  messages!: MessageDto[];
}
