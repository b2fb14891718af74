import { fileURLToPath } from 'node:url';
import { Child } from './child.mjs';
import { requestsFor } from './load.mjs';

const APP = fileURLToPath(new URL('../app.mjs', import.meta.url));

/** A configuration that runs in a process of its own. */
export class AppProcess {
  #child;

  static async start({ configuration, platform, redisUrl, users }) {
    const child = new Child(APP, { env: { NODE_ENV: 'production' } });
    try {
      const started = await child.ask('start', { name: configuration.name, platform, redisUrl, users });
      return new AppProcess(child, { configuration, platform, ...started });
    } catch (error) {
      await child.stop();
      throw new Error(`${configuration.name} on ${platform} does not start: ${error.message}`, {
        cause: error,
      });
    }
  }

  constructor(child, { configuration, platform, port, credentials }) {
    this.#child = child;
    Object.assign(this, { configuration, platform, port, credentials });
  }

  target(path) {
    return {
      port: this.port,
      requests: requestsFor({ path, port: this.port, credentials: this.credentials }),
    };
  }

  usage() {
    return this.#child.ask('usage');
  }

  stop() {
    return this.#child.stop();
  }
}
