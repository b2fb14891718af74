import request from 'supertest';

interface SentMessage {
  readonly to: string;
  readonly purpose: string;
  readonly token: string;
  readonly at: string;
}

/** The messages that a node would have sent, newest first. */
export async function messagesOf(url: string): Promise<SentMessage[]> {
  const reply = await request(url).get('/dev/outbox').expect(200);
  return (reply.body as { messages: SentMessage[] }).messages;
}

/** Asks for a password reset and reads the message. */
export async function resetTokenFor(url: string, username: string): Promise<string> {
  await request(url).post('/auth/password-reset').send({ username }).expect(202);
  const message = (await messagesOf(url)).find(({ to }) => to === username);
  if (!message) throw new Error(`There is no message for ${username}`);
  return message.token;
}
