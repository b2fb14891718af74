import { text } from 'node:stream/consumers';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { NestFactory } from '@nestjs/core';
import { SessionConfigurationError, SessionError, UserStateService } from '@latchkey/session';
import { AppModule } from '../app.module.js';
import { ConfigurationError } from '../config/app-config.js';
import { type Environment, readConfig } from '../config/read-config.js';
import { BootLogger } from '../http/boot-logger.js';
import { PasswordHasher } from '../passwords/password-hasher.js';
import { USERNAME, normaliseUsername } from '../users/account.js';
import { UsersService } from '../users/users.service.js';

const USAGE =
  'usage: npm run make-admin -- USERNAME (the password of a new account: ADMIN_PASSWORD, or standard input)';

/** A reason to give up that is told in one line. */
class Refusal extends Error {}

/**
 * The command that makes the first admin: gives an account the role, or makes the account with it. Sets the process's
 * exit code.
 */
export async function makeAdmin(environment: Environment, args: readonly string[]): Promise<void> {
  try {
    console.log(await run(environment, args));
  } catch (error) {
    process.exitCode = 1;
    if (!(error instanceof Error)) throw error;
    const isExpected =
      error instanceof Refusal ||
      error instanceof ConfigurationError ||
      error instanceof SessionConfigurationError;
    if (error instanceof SessionError)
      console.error(`Redis cannot be reached: nothing is certain to have changed`);
    else if (isExpected) console.error(error.message);
    else throw error;
  }
}

async function run(environment: Environment, args: readonly string[]): Promise<string> {
  const username = normaliseUsername(args[0] ?? '');
  if (args.length !== 1 || !USERNAME.test(username)) throw new Refusal(USAGE);
  const config = readConfig(environment);
  if (config.storage.kind === 'memory') {
    throw new ConfigurationError(
      'REDIS_URL',
      'must be set: an account in memory would end with this command',
    );
  }
  const app = await NestFactory.createApplicationContext(AppModule.with(config), {
    abortOnError: false,
    logger: new BootLogger({ logLevels: ['fatal', 'error'] }),
  });
  try {
    const users = app.get(UsersService);
    const account = await users.findByUsername(username);
    if (account?.demo && config.production) {
      throw new Refusal(
        `${username} is a demo account, and production refuses its login: choose another name`,
      );
    }
    if (account) {
      const states = app.get(UserStateService);
      await states.ensure(account.id);
      await states.grant(account.id, 'admin');
      const isBlocked = (await states.get(account.id))?.status === 'blocked';
      return `${username} had an account and is an admin now${isBlocked ? ', but is blocked' : ''}`;
    }
    const passwordHash = await app.get(PasswordHasher).hash(await readPassword(environment));
    if (!(await users.create({ username, passwordHash, roles: ['admin'] }))) {
      throw new Refusal(
        `${username} was registered by somebody at this very moment: look who it is, and try again`,
      );
    }
    return `${username} has an account now and is an admin`;
  } finally {
    await app.close();
  }
}

/** Never from the command line: other users of the machine can read that. */
async function readPassword(environment: Environment): Promise<string> {
  const password =
    environment['ADMIN_PASSWORD'] || (process.stdin.isTTY ? await ask() : await text(process.stdin));
  const line = password.replace(/\r?\n$/, '');
  if ([...line].length < 8 || [...line].length > 128)
    throw new Refusal('The password must have 8–128 characters');
  return line;
}

/** Asks on the terminal without showing what is typed. */
async function ask(): Promise<string> {
  process.stderr.write('Password for the new account: ');
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  try {
    return await lines.question('');
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}
