import { PolicyManifest } from '@latchkey/session';
import { createApp } from '../app.factory.js';
import { readConfig } from '../config/read-config.js';

/** Who may reach what in the sample with its default settings, as `policy.manifest.json` has it. */
export async function manifestText(): Promise<string> {
  const app = await createApp(readConfig({}));
  try {
    return app.get(PolicyManifest).toText();
  } finally {
    await app.close();
  }
}
