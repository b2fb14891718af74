import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { SessionModuleOptions } from '@latchkey/session';
import { SessionWsAdapter } from '@latchkey/session/ws';
import type { NextFunction, Request, Response } from 'express';
import helmet from 'helmet';
import { AppModule } from './app.module.js';
import type { AppConfig } from './config/app-config.js';
import { useDocs } from './http/docs.js';
import { JsonBodyInterceptor, useJsonBodies } from './http/json-body.js';
import { BootLogger } from './http/boot-logger.js';
import { PersonalDocumentInterceptor } from './http/personal-document.interceptor.js';
import { RequestValidationPipe } from './http/validation.pipe.js';
import { AppProblemFilter } from './problem/problem.filter.js';
import { DemoSessionGuard } from './users/demo-session.guard.js';

/** What pages of other origins may read besides the body. */
const EXPOSED_HEADERS = [
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'Session-Expires',
  'WWW-Authenticate',
];

/**
 * The sample app, ready to listen. Reads nothing from the environment itself.
 * @param sessionOptions for tests: options of the library that the environment does not set, such as a clock
 * @throws SessionConfigurationError when the library's boot check finds that the storage cannot serve
 */
export async function createApp(
  config: AppConfig,
  sessionOptions: SessionModuleOptions = {},
): Promise<NestExpressApplication> {
  const isJson = config.logFormat === 'json';
  const logger = new BootLogger({
    logLevels: isJson ? ['fatal', 'error', 'warn', 'log'] : ['fatal', 'error', 'warn'],
    ...(isJson ? { json: true, colors: false } : {}),
  });
  const app = await NestFactory.create<NestExpressApplication>(AppModule.with(config, sessionOptions), {
    abortOnError: false,
    bodyParser: false,
    logger,
  });
  app.use(helmet({ contentSecurityPolicy: { directives: { upgradeInsecureRequests: httpsOnly(config) } } }));
  if (config.allowedOrigins.length > 0)
    app.enableCors({
      origin: [...config.allowedOrigins],
      credentials: true,
      exposedHeaders: EXPOSED_HEADERS,
    });
  app.disable('etag'); // replies are never kept, so there is nothing to compare
  app.use(noStore);
  useJsonBodies(app);
  // Behind the library's own global guard, which finds out whose session it is.
  if (config.production) app.useGlobalGuards(new DemoSessionGuard());
  app.useGlobalInterceptors(new JsonBodyInterceptor(), new PersonalDocumentInterceptor());
  app.useGlobalPipes(new RequestValidationPipe());
  app.useGlobalFilters(app.get(AppProblemFilter));
  app.useWebSocketAdapter(new SessionWsAdapter(app));
  useDocs(app, config);
  await app.init();
  logger.release();
  return app;
}

/** Nearly every reply holds a token or personal data; the rest is not worth a cache. */
function noStore(_request: Request, response: Response, next: NextFunction): void {
  response.setHeader('Cache-Control', 'no-store');
  next();
}

/** On plain HTTP the directive would send browsers to an HTTPS that is not there. */
function httpsOnly({ publicOrigin }: AppConfig): string[] | null {
  return publicOrigin?.startsWith('https:') ? [] : null;
}
