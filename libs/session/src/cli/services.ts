import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AuditLog } from '../services/audit/audit-log.js';
import { SessionService } from '../services/sessions/session.service.js';
import { UserStateService } from '../services/users/user-state.service.js';
import { SessionModule } from '../session.module.js';
import type { SessionModuleOptions } from '../options/options.js';

export interface Services {
  readonly sessions: SessionService;
  readonly users: UserStateService;
  readonly audit: AuditLog;
}

/** The services of an app with these options, which nobody asks for anything by HTTP: for as long as `use` takes. */
export async function withServices<T>(
  options: SessionModuleOptions,
  use: (services: Services) => Promise<T>,
): Promise<T> {
  // Guards and contexts are for handlers, of which there are none here.
  const { guard: _guard, strict: _strict, contexts: _contexts, ...rest } = options;
  const app: INestApplicationContext = await NestFactory.createApplicationContext(
    SessionModule.forRoot(rest),
    { logger: false, abortOnError: false },
  );
  try {
    return await use({
      sessions: app.get(SessionService),
      users: app.get(UserStateService),
      audit: app.get(AuditLog),
    });
  } finally {
    await app.close();
  }
}
