import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Injectable, Logger } from '@nestjs/common';
import { Problem } from '../problem/problem.js';

/** Where `scripts/build.mjs` puts the console: beside the compiled app, and below `dist` where the sources run as they are. */
const FOLDERS = ['../../console', '../../dist/console'].map((path) => join(import.meta.dirname, path));
const NAMES = ['index.html', 'app.js', 'app.css', 'icon.svg'] as const;

type FileName = (typeof NAMES)[number];

/** The console's files, read once: a build that comes later does not mix with them. */
@Injectable()
export class ConsoleFiles {
  private readonly files: ReadonlyMap<FileName, string>;

  constructor() {
    this.files = FOLDERS.map(filesIn).find((files) => files.size === NAMES.length) ?? new Map();
    if (this.files.size === 0) new Logger('Console').warn('The web console is not built: npm run build');
  }

  /** @throws Problem `not_found` while the console is not built */
  read(name: FileName): string {
    const text = this.files.get(name);
    if (text === undefined) throw new Problem('not_found', 'The web console is not built: npm run build');
    return text;
  }
}

function filesIn(folder: string): ReadonlyMap<FileName, string> {
  try {
    return new Map(NAMES.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
  } catch {
    return new Map();
  }
}
