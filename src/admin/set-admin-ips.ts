import { NestFactory } from '@nestjs/core';
import { AuditLog, IpAllowlists, SessionConfigurationError, SessionError } from '@latchkey/session';
import { AppModule } from '../app.module.js';
import { ConfigurationError } from '../config/app-config.js';
import { type Environment, readConfig } from '../config/read-config.js';
import { BootLogger } from '../http/boot-logger.js';
import { ADMIN_LIST } from './admin-list.js';

const USAGE = 'usage: npm run admin-ips -- CIDR [CIDR …] (for everybody: 0.0.0.0/0 ::/0)';

/**
 * The command that says from where admins may come, whatever the list was: for when it was lost, or its last change has
 * locked everybody out. Sets the process's exit code.
 */
export async function setAdminIps(environment: Environment, cidrs: readonly string[]): Promise<void> {
  try {
    console.log(await run(environment, cidrs));
  } catch (error) {
    process.exitCode = 1;
    if (!(error instanceof Error)) throw error;
    const isAway = error instanceof SessionError && error.code === 'session_store_unavailable';
    if (isAway) console.error('Redis cannot be reached: nothing is certain to have changed');
    else if (isExpected(error)) console.error(error.message);
    else throw error;
  }
}

function isExpected(error: Error): boolean {
  return (
    error instanceof ConfigurationError ||
    error instanceof SessionConfigurationError ||
    error instanceof SessionError
  );
}

async function run(environment: Environment, cidrs: readonly string[]): Promise<string> {
  if (cidrs.length === 0) throw new SessionError('bad_request', { detail: USAGE });
  const config = readConfig(environment);
  if (config.storage.kind === 'memory') {
    throw new ConfigurationError('REDIS_URL', 'must be set: a list in memory would end with this command');
  }
  const app = await NestFactory.createApplicationContext(AppModule.with(config), {
    abortOnError: false,
    logger: new BootLogger({ logLevels: ['fatal', 'error'] }),
  });
  try {
    const act = {
      action: 'ip_allowlist.set',
      details: { by: 'admin-ips', list: ADMIN_LIST, after: cidrs.slice(0, 32) },
    };
    await app.get(AuditLog).record(act, () => app.get(IpAllowlists).set(ADMIN_LIST, cidrs));
    return `Admins may come from ${cidrs.join(', ')} now`;
  } finally {
    await app.close();
  }
}
