import { text } from 'node:stream/consumers';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AuditLog, SessionConfigurationError, SessionError, UserStateService } from '@latchkey/session';
import { AppModule } from '../app.module.js';
import { ConfigurationError } from '../config/app-config.js';
import { type Environment, readConfig } from '../config/read-config.js';
import { BootLogger } from '../http/boot-logger.js';
import { PasswordHasher } from '../passwords/password-hasher.js';
import { type Account, USERNAME, isDemoUserId, normaliseUsername } from '../users/account.js';
import { UsersService } from '../users/users.service.js';

const EXISTING = '--existing';
const USAGE =
  'usage: npm run make-admin -- USERNAME (a new account; its password: ADMIN_PASSWORD, or standard input)' +
  `, or npm run make-admin -- USERNAME ${EXISTING} (an account that is there already, with the password that it has)`;

/** What an audit entry says in the place of an actor. */
const BY_COMMAND = { by: 'make-admin' };

/** A reason to give up that is told in one line. */
class Refusal extends Error {}

/**
 * The command that makes the first admin: an account with the role, or with `--existing` one that is there already. Not
 * without being told to: whoever registered the name first would be the admin. Sets the process's exit code.
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
  const isExisting = args.includes(EXISTING);
  const [name = '', ...rest] = args.filter((arg) => arg !== EXISTING);
  const username = normaliseUsername(name);
  if (rest.length > 0 || name.startsWith('-') || !USERNAME.test(username)) throw new Refusal(USAGE);
  if (isExisting && environment['ADMIN_PASSWORD']) {
    throw new Refusal(
      `ADMIN_PASSWORD is for a new account: with ${EXISTING}, the account keeps the one that it has`,
    );
  }
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
    const account = await app.get(UsersService).findByUsername(username);
    if (account && config.production && isDemoUserId(account.id)) {
      throw new Refusal(
        `${username} is a demo account, and production refuses its login: choose another name`,
      );
    }
    if (!isExisting) {
      if (account) throw new Refusal(takenMessage(username));
      return await make(app, username, await readPassword(environment));
    }
    if (!account) throw new Refusal(`${username} has no account: leave ${EXISTING} out to make it`);
    return await promote(app, account);
  } finally {
    await app.close();
  }
}

async function make(app: INestApplicationContext, username: string, password: string): Promise<string> {
  const passwordHash = await app.get(PasswordHasher).hash(password);
  const details = { ...BY_COMMAND, username, granted: 'admin' };
  return app.get(AuditLog).record({ action: 'register', details }, async (act) => {
    const account = await app.get(UsersService).create({ username, passwordHash, roles: ['admin'] });
    if (!account) throw new Refusal(takenMessage(username));
    act.add({ actorId: account.id });
    return `${username} has an account now and is an admin`;
  });
}

function takenMessage(username: string): string {
  return `${username} has an account already: look whose it is, and to make them an admin say ${EXISTING}`;
}

async function promote(app: INestApplicationContext, { id, username }: Account): Promise<string> {
  const states = app.get(UserStateService);
  await states.ensure(id); // if the states of all admins were lost, this command is the only way back
  await app
    .get(AuditLog)
    .record({ action: 'user.roles', targetId: id, details: { ...BY_COMMAND, granted: 'admin' } }, () =>
      states.grant(id, 'admin'),
    );
  const isBlocked = (await states.get(id))?.status === 'blocked';
  const promoted = `${username} had an account and is an admin now, with the password that it had`;
  return isBlocked ? `${promoted}, but is blocked` : promoted;
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
