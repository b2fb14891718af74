import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { Activity } from './activity.js';
import { NodeBoard } from './node-board.js';
import { OperationsController } from './operations.controller.js';

@Module({
  imports: [AuditModule],
  controllers: [OperationsController],
  providers: [Activity, NodeBoard],
})
export class OperationsModule {}
