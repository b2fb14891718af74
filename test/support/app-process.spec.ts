import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppProcess } from './app-process.js';

const APP = `
import { createServer } from 'node:http';
if (process.env.FAIL) { console.error('wrong settings'); process.exit(3); }
const server = createServer((_request, response) => response.end(JSON.stringify(process.env)));
process.on('SIGTERM', () => server.close(() => process.exit(0)));
server.listen(process.env.PORT, process.env.HOST, () => {
  if (!process.env.MUTE) console.log('listening on http://' + process.env.HOST + ':' + server.address().port);
});
`;

describe('AppProcess', () => {
  let folder: string;
  let entry: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'latchkey-app-'));
    entry = join(folder, 'app.mjs');
    await writeFile(entry, APP);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('starts an app with these settings and no others, and stops it', async () => {
    process.env['REDIS_URL'] = 'redis://not.inherited';
    const app = await AppProcess.start({ entry, env: { LOGIN_QUOTA: '5' } });
    delete process.env['REDIS_URL'];
    const settings = (await (await fetch(app.url)).json()) as Record<string, string>;
    expect(settings).toMatchObject({ LOGIN_QUOTA: '5', HOST: '127.0.0.1' });
    expect(settings).not.toHaveProperty('REDIS_URL');
    expect(app.output).toContain(`listening on ${app.url}`);
    expect(await app.stop()).toBe(0);
  });

  it('tells by which signal an app died', async () => {
    const app = await AppProcess.start({ entry });
    expect(await app.stop('SIGKILL')).toBe(-9);
  });

  it('says why an app did not start', async () => {
    await expect(AppProcess.start({ entry, env: { FAIL: '1' } })).rejects.toThrow(
      /ended with 3.*\n.*wrong settings/,
    );
    expect(await AppProcess.runToEnd({ entry, env: { FAIL: '1' } })).toEqual({
      code: 3,
      output: 'wrong settings\n',
    });
  });

  it('gives up on an app that never listens', async () => {
    const start = AppProcess.start({ entry, env: { MUTE: '1' }, readyTimeoutMs: 300 });
    await expect(start).rejects.toThrow('did not listen within 300 ms');
  });
});
