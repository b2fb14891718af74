import type { INestApplication } from '@nestjs/common';
import { expectDenied, keepSecureCookies } from '@latchkey/session/testing';
import request from 'supertest';
import { start } from '../../examples/typeorm-user-directory/app.js';
import { Postgres } from './support/postgres.js';

/** A first install of PostgreSQL may take its time. */
const INSTALL_TIMEOUT_MS = 300_000;

describe('examples/typeorm-user-directory, on a real PostgreSQL', () => {
  let database: Postgres;
  let app: INestApplication;

  beforeAll(async () => {
    database = await Postgres.start();
    process.env['DATABASE_URL'] = database.url;
    app = await start(0);
    await database.query(
      "INSERT INTO account (id, roles, version) VALUES ('ada', '{member}', 1), ('bob', '{}', 1), ('eve', '{admin}', 1)",
    );
  }, INSTALL_TIMEOUT_MS);
  afterAll(async () => {
    await app?.close();
    await database?.stop();
    delete process.env['DATABASE_URL'];
  });

  async function loggedIn(username: string) {
    const agent = keepSecureCookies(request.agent(app.getHttpServer()));
    const reply = await agent.post('/auth/login').send({ username, password: `${username}-password` });
    return { agent, reply };
  }

  it('takes roles from the database, not from the login', async () => {
    const { agent } = await loggedIn('ada');
    await agent.get('/me').expect(200, { id: 'ada', roles: ['member'] });
    await expectDenied(agent.post('/accounts/bob/block'), 'forbidden');
  });

  it('blocks at once, and in the database; unblocks in the database first', async () => {
    const [{ agent: bob }, { agent: eve }] = [await loggedIn('bob'), await loggedIn('eve')];
    await bob.get('/me').expect(200);
    await eve.post('/accounts/bob/block').expect(201);
    await expectDenied(bob.get('/me'), 'user_blocked');
    expect(await database.query('SELECT "blockReason", version FROM account WHERE id = \'bob\'')).toEqual([
      { blockReason: 'spam', version: 2 },
    ]);
    expect((await loggedIn('bob')).reply.body).toMatchObject({ code: 'user_blocked' });

    await eve.post('/accounts/bob/unblock').expect(201);
    const again = await loggedIn('bob');
    await again.agent.get('/me').expect(200);
  });

  it('knows nobody whom the database does not', async () => {
    await database.query("DELETE FROM account WHERE id = 'ada'");
    await app.close();
    app = await start(0);
    expect((await loggedIn('ada')).reply.body).toMatchObject({ code: 'user_unknown' });
  });
});
