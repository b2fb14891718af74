// Users in PostgreSQL by TypeORM, which is the truth about roles and blocks; Latchkey asks it by a UserDirectory.
import {
  Controller,
  Get,
  type INestApplication,
  Injectable,
  Module,
  Param,
  Post,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  CurrentUser,
  type DirectoryUser,
  Roles,
  SessionModule,
  type UserDirectory,
  UserStateService,
  type UserState,
} from '@latchkey/session';
import { Column, DataSource, Entity, PrimaryColumn, VersionColumn } from 'typeorm';
import { LoginController } from '../login.controller.js';

@Entity()
export class Account {
  @PrimaryColumn('text')
  id!: string;
  @Column('text', { array: true, default: [] })
  roles!: string[];
  @Column('text', { nullable: true })
  blockReason!: string | null;
  /** Raised by each `save()`: an older answer of the directory loses. */
  @VersionColumn()
  version!: number;
}

@Injectable()
class Accounts implements UserDirectory, OnApplicationShutdown {
  constructor(readonly database: DataSource) {}

  async load(userId: string): Promise<DirectoryUser | undefined> {
    const account = await this.database.getRepository(Account).findOneBy({ id: userId });
    return account ? asUser(account) : undefined;
  }

  /** @returns the account as it is afterwards */
  async change(id: string, changes: Partial<Pick<Account, 'roles' | 'blockReason'>>): Promise<Account> {
    return this.database.transaction(async (transaction) => {
      const account = await transaction.findOneOrFail(Account, {
        where: { id },
        lock: { mode: 'pessimistic_write' },
      });
      return transaction.save(Object.assign(account, changes));
    });
  }

  onApplicationShutdown(): Promise<void> {
    return this.database.destroy();
  }
}

function asUser({ roles, version, blockReason: reason }: Account): DirectoryUser {
  return reason === null ? { roles, version } : { roles, version, block: { reason } };
}

@Controller('auth')
class AuthController extends LoginController {}

@Controller()
class AccountsController {
  constructor(
    private readonly accounts: Accounts,
    private readonly users: UserStateService,
  ) {}

  @Get('me')
  me(@CurrentUser() { id, roles }: UserState) {
    return { id, roles };
  }

  @Roles('admin')
  @Post('accounts/:id/block')
  async block(@Param('id') id: string) {
    const receipt = await this.users.block(id, { reason: 'spam' }); // tighter: Latchkey first, which holds at once
    await this.accounts.change(id, { blockReason: 'spam' });
    return receipt;
  }

  @Roles('admin')
  @Post('accounts/:id/unblock')
  async unblock(@Param('id') id: string): Promise<void> {
    const account = await this.accounts.change(id, { blockReason: null }); // looser: the database first
    await this.users.update(id, { roles: account.roles, block: null, sourceVersion: account.version });
  }
}

@Module({ providers: [{ provide: Accounts, useFactory: openAccounts }], exports: [Accounts] })
class AccountsModule {}

async function openAccounts(): Promise<Accounts> {
  const url = process.env['DATABASE_URL'];
  if (url === undefined) throw new Error('Set DATABASE_URL, such as postgres://app@127.0.0.1:5432/app');
  return new Accounts(
    await new DataSource({ type: 'postgres', url, entities: [Account], synchronize: true }).initialize(),
  );
}

@Module({
  imports: [
    AccountsModule,
    SessionModule.forRootAsync({
      imports: [AccountsModule],
      inject: [Accounts],
      useFactory: (userDirectory: Accounts) => ({
        guard: 'global',
        strict: true,
        userDirectory,
        maxStateAge: '1m',
      }),
    }),
  ],
  controllers: [AuthController, AccountsController],
})
export class AppModule {}

export async function start(port = 3000): Promise<INestApplication> {
  const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
  return app
    .enableShutdownHooks()
    .listen(port, '127.0.0.1')
    .then(() => app);
}
