import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { INestApplicationContext } from '@nestjs/common';
import { SessionConfigurationError } from '@latchkey/session';
import { createApp } from './app.factory.js';
import { type AppConfig, ConfigurationError } from './config/app-config.js';
import { accessTokenBanner } from './jwt/access-tokens.js';
import { DemoAccounts } from './users/demo-accounts.js';
import { type Environment, readConfig, storageVariable } from './config/read-config.js';

/** Longer than load balancers keep a connection idle, which is 60 s as a rule: else they send a request into its end. */
const KEEP_ALIVE_MS = 65_000;
/** Requests get 8 s to end; then Redis is closed; then this. */
const LAST_PATIENCE_MS = 9_500;

/** Serves until a signal comes. Whatever stops the boot is one line, and exit code 1. */
export async function start(environment: Environment): Promise<void> {
  const stopping = new StopSignal();
  let config: AppConfig | undefined;
  try {
    config = readConfig(environment);
    const app = await createApp(config);
    stopping.stops(app);
    console.log(storageBanner(config));
    const tokens = accessTokenBanner(config);
    if (tokens) console.log(tokens);
    app.getHttpServer().keepAliveTimeout = KEEP_ALIVE_MS;
    await app.listen(config.port, config.host);
    await app.get(DemoAccounts).settled();
    console.log(`listening on ${addressOf(app.getHttpServer(), config)}`);
  } catch (error) {
    console.error(bootFailure(error, config));
    process.exit(1);
  }
}

/** Turns any number of signals into one orderly end with exit code 0. */
class StopSignal {
  private app: INestApplicationContext | undefined;
  private isStopping = false;

  constructor() {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void this.stop());
  }

  /** From now on there is something to be ended. */
  stops(app: INestApplicationContext): void {
    this.app = app;
  }

  private async stop(): Promise<void> {
    if (this.isStopping) return;
    this.isStopping = true;
    setTimeout(() => process.exit(0), LAST_PATIENCE_MS).unref();
    try {
      await this.app?.close();
    } catch (error) {
      console.error(error);
    }
    process.exit(0);
  }
}

function storageBanner({ storage }: AppConfig): string {
  if (storage.kind !== 'memory') return `storage: Redis (${storage.kind}), shared by all nodes that use it`;
  return "storage: this process's memory, gone when it ends; for Redis: REDIS_URL=redis://127.0.0.1:6379 npm start";
}

/** With the port that the system chose for PORT=0. */
function addressOf(server: Server, { host }: AppConfig): string {
  const { port } = server.address() as AddressInfo;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** One line that names the environment variable to look at. */
export function bootFailure(error: unknown, config: AppConfig | undefined): string {
  if (error instanceof ConfigurationError) return error.message;
  if (error instanceof SessionConfigurationError && error.option === 'redis' && config) {
    return `${storageVariable(config.storage)}: ${error.message}`;
  }
  if (error instanceof SessionConfigurationError && error.option.startsWith('jwt.')) {
    return `JWT_KEYS: ${error.message}`;
  }
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  if (code === 'EADDRINUSE') return `PORT ${config?.port} is taken by another process`;
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return `HOST ${config?.host} and PORT ${config?.port} cannot be listened on (${code})`;
  }
  return firstLine(typeof message === 'string' ? message : String(error));
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
