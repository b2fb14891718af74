import { Module } from '@nestjs/common';
import { UsersModule } from '../users/users.module.js';
import { EventsController } from './events.controller.js';
import { TimelineGateway } from './timeline.gateway.js';
import { TimelineModule } from './timeline.module.js';

@Module({
  imports: [TimelineModule, UsersModule],
  controllers: [EventsController],
  providers: [TimelineGateway],
})
export class LiveModule {}
