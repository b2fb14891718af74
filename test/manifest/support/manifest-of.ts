import type { INestApplication, Type } from '@nestjs/common';
import { PolicyManifest, type PolicyEntry } from '@latchkey/session';
import { startApp } from '../../support/library-app.js';

export type AppOptions = Omit<Parameters<typeof startApp>[0], 'controllers'>;

/** What a running app lists. */
export async function manifestOf(
  controllers: Type[],
  options: AppOptions = {},
): Promise<{ app: INestApplication; entries: PolicyEntry[] }> {
  const { app } = await startApp({ ...options, controllers });
  return { app, entries: app.get(PolicyManifest).list() };
}
