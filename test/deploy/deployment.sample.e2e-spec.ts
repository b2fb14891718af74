import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { promisify } from 'node:util';
import { BUILD_TIMEOUT_MS, buildSample } from '../sample/support/build.js';
import { AppProcess } from '../support/app-process.js';
import { RedisServer } from '../support/redis-server.js';

const ROOT = join(__dirname, '../..');
const textOf = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

type Node = Readonly<Record<string, unknown>>;

/** `@nestjs/swagger` has a parser of YAML, by which it writes documents. */
const yaml = createRequire(require.resolve('@nestjs/swagger'))('js-yaml') as {
  loadAll: (text: string) => unknown[];
};
const documentsOf = (path: string): Node[] => yaml.loadAll(textOf(path)) as Node[];

/** What is at a path such as `spec.template.0.name`. */
function at(node: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((inner, key) => (inner as Node | undefined)?.[key], node);
}

const yamlFiles = (readdirSync(join(ROOT, 'deploy'), { recursive: true }) as string[])
  .filter((name) => /\.ya?ml$/.test(name))
  .map((name) => join('deploy', name));

/** The instructions of the Dockerfile, each with what it is given. */
const instructions = textOf('deploy/Dockerfile')
  .replace(/\\\n/g, ' ')
  .split('\n')
  .filter((line) => /^[A-Z]/.test(line))
  .map((line) => line.split(/ (.*)/s) as [name: string, given: string]);
const givenTo = (name: string): string[] =>
  instructions.filter(([one]) => one === name).map(([, given]) => given);
const imageEnv = Object.fromEntries(
  givenTo('ENV').flatMap((given) => given.split(' ').map((pair) => pair.split('=') as [string, string])),
);
/** In the form of an array, as no shell stands between. */
const argumentsOf = (given = ''): string[] => JSON.parse(given.slice(given.indexOf('['))) as string[];

const compose = documentsOf('deploy/compose.yaml')[0] as Node;
const services = at(compose, 'services') as Readonly<Record<string, Node>>;
const [deployment, service, budget] = documentsOf('deploy/kubernetes.yaml') as [Node, Node, Node];
const pod = at(deployment, 'spec.template.spec') as Node;
const container = at(pod, 'containers.0') as Node;

const PASSWORD = 'Passw0rd';
const VARIABLES: Readonly<Record<string, string>> = {
  REDIS_PASSWORD: PASSWORD,
  METRICS_TOKEN: 'a-token-of-the-test',
  GRAFANA_PASSWORD: 'graf',
};
/** As compose replaces variables. */
const filled = (text: string): string =>
  text.replace(/\$\{(\w+)(?::([?-])([^}]*))?\}/g, (_, name: string, kind?: string, other = '') => {
    const value = VARIABLES[name] ?? (kind === '-' ? String(other) : undefined);
    if (value === undefined) throw new Error(`compose.yaml needs ${name}`);
    return value;
  });
const composeEnv = Object.fromEntries(
  Object.entries(at(services, 'app.environment') as Node).map(([name, value]) => [
    name,
    filled(String(value)),
  ]),
);

describe('the Dockerfile', () => {
  it('copies what is there, and what .dockerignore lets through', () => {
    const rules = textOf('.dockerignore').split('\n');
    const copied = givenTo('COPY').filter((given) => !given.startsWith('--from'));
    const sources = copied.flatMap((given) => given.split(' ').slice(0, -1));
    expect(sources.length).toBeGreaterThan(8);
    for (const source of sources) {
      expect([source, existsSync(join(ROOT, source))]).toEqual([source, true]);
      expect(rules).toContain(`!${source}`);
    }
    expect(rules).toEqual(expect.arrayContaining(['*', '**/node_modules', '**/dist']));
  });

  it('builds by scripts that are there, and leaves development out', () => {
    const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> };
    const [install, build, production] = givenTo('RUN');
    expect(install).toBe('npm ci --ignore-scripts');
    expect(Object.keys(scripts)).toContain(/^npm run (\w+)$/.exec(build ?? '')?.[1]);
    expect(production).toMatch(/^npm ci --omit=dev --ignore-scripts /);
    // No package that runs in production has an install script that it needs.
    const { packages } = JSON.parse(textOf('package-lock.json')) as {
      packages: Record<string, { dev?: boolean; devOptional?: boolean; hasInstallScript?: boolean }>;
    };
    const withScripts = Object.entries(packages).filter(
      ([, { dev, devOptional, hasInstallScript }]) => hasInstallScript && !dev && !devOptional,
    );
    const known = ['node_modules/argon2', 'node_modules/@scarf/scarf'];
    expect(withScripts.map(([name]) => name).filter((name) => name && !known.includes(name))).toEqual([]);
  });

  it('runs as nobody of importance, and hands signals to node', () => {
    expect([givenTo('USER'), givenTo('STOPSIGNAL')]).toEqual([['node'], ['SIGTERM']]);
    expect(argumentsOf(givenTo('CMD')[0])).toEqual(['node', 'dist/src/main.js']);
    expect(imageEnv).toEqual({ NODE_ENV: 'production', HOST: '0.0.0.0', PORT: '3000' });
  });
});

describe('what the files name', () => {
  it.each(yamlFiles)('%s is YAML', (path) => {
    expect(documentsOf(path)).not.toHaveLength(0);
  });

  it('is there: files, services, volumes', () => {
    const dockerfile = at(services, 'app.build.dockerfile') as string;
    expect(existsSync(join(ROOT, 'deploy', at(services, 'app.build.context') as string, dockerfile))).toBe(
      true,
    );
    const mounts = Object.values(services).flatMap(({ volumes = [] }) => volumes as string[]);
    for (const [from = ''] of mounts.map((mount) => mount.split(':'))) {
      const isFile = from.startsWith('.');
      const isThere = isFile
        ? existsSync(join(ROOT, 'deploy', from))
        : from in (at(compose, 'volumes') as Node);
      expect([from, isThere]).toEqual([from, true]);
    }
    for (const { depends_on: needed = [] } of Object.values(services))
      expect(Object.keys(services)).toEqual(
        expect.arrayContaining(Array.isArray(needed) ? needed : Object.keys(needed as object)),
      );
    const [provider] = documentsOf('deploy/grafana/provisioning/dashboards/latchkey.yaml');
    const dashboards = mounts.find((mount) => mount.includes('dashboard.json'))?.split(':')[1] ?? '';
    expect(dirname(dashboards)).toBe(at(provider, 'providers.0.options.path') as string);
  });

  it('are ports and hosts that fit together', () => {
    const [scraping] = documentsOf('deploy/prometheus/prometheus.yml');
    expect(at(scraping, 'scrape_configs.0.static_configs.0.targets')).toEqual([`app:${imageEnv['PORT']}`]);
    const secret = at(scraping, 'scrape_configs.0.authorization.credentials_file') as string;
    expect((at(services, 'prometheus.secrets') as string[]).map((name) => `/run/secrets/${name}`)).toEqual([
      secret,
    ]);
    const [source] = documentsOf('deploy/grafana/provisioning/datasources/prometheus.yaml');
    expect(at(source, 'datasources.0.url')).toBe('http://prometheus:9090');
    expect(givenTo('EXPOSE')).toEqual([imageEnv['PORT']]);
    expect((at(services, 'app.ports') as string[])[0]).toMatch(/^127\.0\.0\.1:\d+:3000$/);
    expect(at(container, 'ports.0')).toEqual({ name: 'http', containerPort: 3000 });
    expect(at(service, 'spec.ports.0.targetPort')).toBe('http');
    const labels = at(deployment, 'spec.template.metadata.labels');
    for (const selector of [
      at(deployment, 'spec.selector.matchLabels'),
      at(service, 'spec.selector'),
      at(budget, 'spec.selector.matchLabels'),
    ])
      expect(selector).toEqual(labels);
  });

  it('are settings that the sample reads', () => {
    const sources = readdirSync(join(ROOT, 'src/config')).filter((name) => !name.endsWith('.spec.ts'));
    const read = sources.flatMap((name) => [
      ...textOf(join('src/config', name)).matchAll(/valueOf\('(\w+)'\)/g),
    ]);
    const known = new Set(read.map(([, name]) => name));
    const named = [
      ...Object.keys(imageEnv),
      ...Object.keys(composeEnv),
      ...(at(container, 'env') as { name: string }[]).map(({ name }) => name),
    ];
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });

  it('leave the app the time that it takes to end', () => {
    const patience = Number(
      /LAST_PATIENCE_MS = ([\d_]+)/.exec(textOf('src/start.ts'))?.[1]?.replace('_', ''),
    );
    expect(patience).toBeGreaterThan(1_000);
    const preStop = Number((at(container, 'lifecycle.preStop.exec.command') as string[])[1]) * 1_000;
    expect((at(pod, 'terminationGracePeriodSeconds') as number) * 1_000).toBeGreaterThan(preStop + patience);
    expect(parseInt(at(services, 'app.stop_grace_period') as string) * 1_000).toBeGreaterThan(patience);
  });

  it('give Redis the permissions of the documents, and keep what must be kept', () => {
    const acl = filled(at(compose, 'configs.redis-users.content') as string);
    const [off, user] = acl.trim().split('\n');
    const blocks = ['docs/redis.md', 'docs/sample.md'].map(
      (page) => /^```\n(~[^]*?)^```$/m.exec(textOf(page))?.[1],
    );
    const permissions = blocks.flatMap((block = '') => block.trim().split(/\s+/));
    expect(off).toBe('user default off');
    expect(user).toBe(`user app on >${PASSWORD} ${permissions.join(' ')}`);
    const command = (at(services, 'redis.command') as string[]).join(' ');
    expect(command).toContain('--appendonly yes');
    expect(command).toContain('--maxmemory-policy noeviction');
  });

  it('harden the containers', () => {
    expect(at(pod, 'securityContext.runAsNonRoot')).toBe(true);
    expect(at(container, 'securityContext')).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(at(services, 'app.read_only')).toBe(true);
  });
});

describe('the app as its container runs it, on the Redis of compose.yaml', () => {
  let folder: string;
  let redis: RedisServer;
  let app: AppProcess;

  beforeAll(async () => {
    await buildSample();
    folder = mkdtempSync(join(tmpdir(), 'latchkey-deploy-'));
    const acl = join(folder, 'users.acl');
    writeFileSync(acl, filled(at(compose, 'configs.redis-users.content') as string));
    const [, , , ...settings] = at(services, 'redis.command') as string[];
    redis = await RedisServer.start({ args: [...settings, '--aclfile', acl] });
    const host = `127.0.0.1:${redis.port}`;
    app = await AppProcess.start({
      entry: join(ROOT, normalize(argumentsOf(givenTo('CMD')[0])[1] ?? '')),
      env: {
        ...imageEnv,
        ...composeEnv,
        REDIS_URL: composeEnv['REDIS_URL']?.replace('redis:6379', host) ?? '',
        HOST: '127.0.0.1',
        PORT: '0',
      },
    });
  }, BUILD_TIMEOUT_MS);
  afterAll(async () => {
    await app?.stop('SIGKILL');
    await redis?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The exit code of the image's own health check. */
  const health = (): Promise<number> => {
    const [command, ...args] = argumentsOf(givenTo('HEALTHCHECK')[0]);
    const env = { ...process.env, ...imageEnv, PORT: new URL(app.url).port };
    return promisify(execFile)(command ?? '', args, { env }).then(
      () => 0,
      ({ code }: { code: number }) => code,
    );
  };
  const probe = async (name: string): Promise<number> =>
    (await fetch(app.url + (at(container, `${name}.httpGet.path`) as string))).status;
  const register = async (): Promise<number> => {
    const response = await fetch(`${app.url}/auth/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: 'carol', password: 'correct-horse-carol' }),
    });
    return response.status;
  };

  it('is healthy, serves, is not ready without Redis and not restarted for that, and ends with 0', async () => {
    expect([await health(), await probe('readinessProbe'), await probe('livenessProbe')]).toEqual([
      0, 200, 200,
    ]);
    expect(await register()).toBe(201);
    await redis.kill();
    expect([await health(), await probe('readinessProbe'), await probe('livenessProbe')]).toEqual([
      1, 503, 200,
    ]);
    expect(at(container, 'startupProbe.httpGet')).toEqual(at(container, 'livenessProbe.httpGet'));
    expect(await app.stop('SIGTERM')).toBe(0);
    expect(app.output).not.toContain(PASSWORD);
  });
});
