// Users in PostgreSQL by TypeORM, the truth about roles and blocks: Latchkey asks for them by a UserDirectory.
import { Controller, Get, type INestApplication, Injectable, Module, Param, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { CurrentUser, type DirectoryUser, Roles, SessionModule, type UserDirectory } from '@latchkey/session';
import { UserStateService, type UserState } from '@latchkey/session';
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
class Accounts implements UserDirectory {
  constructor(private readonly database: DataSource) {}

  async load(userId: string): Promise<DirectoryUser | undefined> {
    const account = await this.database.manager.findOneBy(Account, { id: userId });
    if (!account) return undefined;
    const { roles, version, blockReason: reason } = account;
    return reason === null ? { roles, version } : { roles, version, block: { reason } };
  }

  /** @returns the account as it is afterwards */
  setBlock(id: string, blockReason: string | null): Promise<Account> {
    return this.database.transaction(async (manager) => {
      const lock = { mode: 'pessimistic_write' } as const;
      const account = await manager.findOneOrFail(Account, { where: { id }, lock });
      return manager.save(Object.assign(account, { blockReason }));
    });
  }

  onApplicationShutdown(): Promise<void> {
    return this.database.destroy();
  }
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
    const receipt = await this.users.block(id, { reason: 'spam' }); // tighter: Latchkey first, and it holds at once
    await this.accounts.setBlock(id, 'spam');
    return receipt;
  }

  @Roles('admin')
  @Post('accounts/:id/unblock')
  async unblock(@Param('id') id: string): Promise<void> {
    const { roles, version } = await this.accounts.setBlock(id, null); // looser: the database first
    await this.users.update(id, { roles, block: null, sourceVersion: version });
  }
}

async function openAccounts(): Promise<Accounts> {
  const url = process.env['DATABASE_URL'];
  if (url === undefined) throw new Error('Set DATABASE_URL, such as postgres://app@127.0.0.1:5432/app');
  const database = new DataSource({ type: 'postgres', url, entities: [Account], synchronize: true });
  return new Accounts(await database.initialize());
}

@Module({ providers: [{ provide: Accounts, useFactory: openAccounts }], exports: [Accounts] })
class AccountsModule {}

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
        allowMemoryInProduction: true,
      }),
    }),
  ],
  controllers: [AuthController, AccountsController],
})
export class AppModule {}

export async function start(port = 3000): Promise<INestApplication> {
  const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
  return app.listen(port, '127.0.0.1').then(() => app);
}
