import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { PasswordsModule } from '../passwords/passwords.module.js';
import { AppProblemFilter } from '../problem/problem.filter.js';
import { UsersModule } from '../users/users.module.js';
import { AuthController } from './auth.controller.js';
import { ClientTokens } from './client-tokens.js';
import { CredentialsService } from './credentials.service.js';
import { EmailProofController } from './email-proof.controller.js';
import { EmailProofService } from './email-proof.service.js';
import { LoginOriginGuard } from './login-origin.guard.js';
import { LoginService } from './login.service.js';
import { LogoutFilter } from './logout.filter.js';
import { PasswordAttempts } from './password-attempts.js';
import { PasswordResetController } from './password-reset.controller.js';
import { PasswordResetService } from './password-reset.service.js';
import { RefreshGuard } from './refresh.guard.js';
import { RefreshService } from './refresh.service.js';
import { ResetQuotas } from './reset-quotas.js';

@Module({
  imports: [UsersModule, PasswordsModule, AuditModule],
  controllers: [AuthController, PasswordResetController, EmailProofController],
  providers: [
    LoginService,
    PasswordAttempts,
    PasswordResetService,
    EmailProofService,
    ResetQuotas,
    CredentialsService,
    ClientTokens,
    LoginOriginGuard,
    LogoutFilter,
    RefreshGuard,
    RefreshService,
    AppProblemFilter,
  ],
  exports: [ClientTokens],
})
export class AuthModule {}
