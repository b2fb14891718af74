import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { SessionWsAdapter } from '@latchkey/session/ws';
import { WebSocket } from 'ws';
import { describeContext, type Outcome } from './support/describe-context.js';

describeContext({
  name: 'WebSocket',
  among: 'providers',
  onMethod: (name) => SubscribeMessage(name),
  onClass: WebSocketGateway({ path: '/contract' }),
  prepare: (app) => void app.useWebSocketAdapter(new SessionWsAdapter(app)),
  connect: async (app, token) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const socket = new WebSocket(`${(await app.getUrl()).replace('http', 'ws')}/contract`, { headers });
    const opened = new Promise((resolve) => socket.once('open', resolve));
    const over = new Promise<Outcome>((resolve) => {
      socket.on('error', () => undefined);
      socket.once('close', (_code, reason) => resolve({ code: reason.toString() }));
      socket.once('unexpected-response', (_request, response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => resolve({ code: (JSON.parse(text) as { code: string }).code }));
      });
    });
    await Promise.race([opened, over]);
    const answer = () =>
      new Promise<Outcome>((resolve) => {
        socket.once('message', (data: Buffer) => {
          const value = JSON.parse(data.toString()) as { event?: string; data?: { code: string } };
          resolve(value.event === 'exception' ? { code: value.data?.code } : { value });
        });
      });
    return {
      call: (handler) => {
        const answered = answer();
        if (socket.readyState === socket.OPEN) socket.send(JSON.stringify({ event: handler, data: {} }));
        return Promise.race([over, answered]);
      },
      close: () => socket.terminate(),
    };
  },
});
