import { type MiddlewareConsumer, Module, type NestModule, RequestMethod } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
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
export class AuthModule implements NestModule {
  constructor(
    private readonly attempts: PasswordAttempts,
    private readonly resets: ResetQuotas,
  ) {}

  /**
   * These routes count by themselves, once their body is known: until then, a reply tells of their quotas as of full
   * shares. The quotas of all other routes are the guard's business.
   */
  configure(consumer: MiddlewareConsumer): void {
    const { ofMessages, ofGuesses } = this.resets.untouchedHeaders;
    const routes = {
      'auth/login': this.attempts.untouchedHeaders,
      'auth/password-reset': ofMessages,
      'auth/password-reset/confirm': ofGuesses,
      'auth/email-proof/confirm': ofGuesses,
    };
    for (const [path, headers] of Object.entries(routes)) {
      const tell = (_request: Request, response: Response, next: NextFunction): void => {
        response.set(headers);
        next();
      };
      consumer.apply(tell).forRoutes({ path, method: RequestMethod.POST });
    }
  }
}
