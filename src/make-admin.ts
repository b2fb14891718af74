import 'reflect-metadata';
import { makeAdmin } from './admin/make-admin.js';

await makeAdmin(process.env, process.argv.slice(2));
