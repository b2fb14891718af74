import 'reflect-metadata';
import { writeFileSync } from 'node:fs';
import { manifestText } from './manifest/manifest-text.js';

// npm runs its scripts in the package's root, where the file belongs.
writeFileSync('policy.manifest.json', await manifestText());
