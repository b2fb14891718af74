// Run by test-pack.mjs beside main.ts: what needs the package jose.
import 'reflect-metadata';
import { generateKeyPairSync } from 'node:crypto';
import { Controller, Get, Module, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { CurrentUser, SessionGuard, SessionModule, type UserState } from '@latchkey/session';
import {
  CurrentService,
  JwksController,
  Scopes,
  ServiceTokenGuard,
  ServiceTokens,
  ServiceTokensModule,
  type ServiceCall,
} from '@latchkey/session/jwt';
import { loginAs } from '@latchkey/session/testing';

const keys = [{ kid: 'a', privateKey: generateKeyPairSync('ed25519').privateKey }];
const signing = { algorithm: 'EdDSA', keys } as const;

@Controller()
class AppController {
  @UseGuards(SessionGuard)
  @Get('me')
  me(@CurrentUser() { id }: UserState): object {
    return { id };
  }

  @UseGuards(ServiceTokenGuard)
  @Scopes('read')
  @Get('service')
  service(@CurrentService() { issuer }: ServiceCall): object {
    return { issuer };
  }
}

@Module({
  imports: [
    SessionModule.forRoot({ accessToken: 'jwt', jwt: { ...signing, issuer: 'app', audience: 'api' } }),
    ServiceTokensModule.forRoot({ service: 'app', signing, trust: [{ ...signing, service: 'app' }] }),
  ],
  controllers: [AppController, JwksController],
})
class AppModule {}

async function main(): Promise<void> {
  const app = await NestFactory.create(AppModule, { logger: ['error'] });
  await app.listen(0, '127.0.0.1');
  const get = async (path: string, token = ''): Promise<string> => {
    const reply = await fetch((await app.getUrl()) + path, { headers: { authorization: `Bearer ${token}` } });
    return `${reply.status} ${await reply.text()}`;
  };
  const { token } = await loginAs(app, { userId: 'alice' });
  const service = await app.get(ServiceTokens).sign({ to: 'app', scopes: ['read'] });
  console.log(await get('/me', token), await get('/service', service), await get('/service', token));
  console.log(await get('/.well-known/jwks.json'));
  await app.close();
}

void main();
