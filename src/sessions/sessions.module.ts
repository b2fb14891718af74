import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { SessionDataController } from './session-data.controller.js';
import { SessionsController } from './sessions.controller.js';

@Module({ imports: [AuthModule], controllers: [SessionDataController, SessionsController] })
export class SessionsModule {}
