import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { ExecutionContext } from '@nestjs/common';
import { SessionGuard, SessionModule } from '@latchkey/session';
import { loginAs } from '@latchkey/session/testing';
import { Test } from '@nestjs/testing';

class Commands {
  run(this: void) {}
}

it('the option contexts takes Node’s own request, whose headers no copy has', async () => {
  const contexts = [
    {
      type: 'bot',
      callOf: ([request, unit]: readonly unknown[]) => ({
        request: request as IncomingMessage,
        unit: unit as object,
      }),
    },
  ];
  const testing = await Test.createTestingModule({
    imports: [SessionModule.forRoot({ allowMemoryInProduction: true, contexts })],
  }).compile();
  const app = testing.createNestApplication({ logger: false });
  await app.init();
  const { token } = await loginAs(app, { userId: 'mia' });
  const request = new IncomingMessage(new Socket());
  request.headers.authorization = `Bearer ${token}`;
  const args = [request, {}];
  const context = {
    getType: () => 'bot',
    getArgs: () => args,
    getHandler: () => Commands.prototype.run,
    getClass: () => Commands,
  } as unknown as ExecutionContext;
  expect(await app.get(SessionGuard).canActivate(context)).toBe(true);
  await app.close();
});
