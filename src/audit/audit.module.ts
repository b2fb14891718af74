import { Module } from '@nestjs/common';
import { AppProblemFilter } from '../problem/problem.filter.js';
import { UsersModule } from '../users/users.module.js';
import { ActRecorder } from './act-recorder.js';
import { AuditController } from './audit.controller.js';
import { Denials } from './denials.js';
import { LoggedAudit } from './logged-audit.js';

@Module({
  imports: [UsersModule],
  controllers: [AuditController],
  providers: [LoggedAudit, ActRecorder, Denials, AppProblemFilter],
  // AppProblemFilter: the filter needs it in the modules that use the filter.
  exports: [LoggedAudit, ActRecorder, Denials, AppProblemFilter],
})
export class AuditModule {}
