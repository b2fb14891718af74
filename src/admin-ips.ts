import 'reflect-metadata';
import { setAdminIps } from './admin/set-admin-ips.js';

await setAdminIps(process.env, process.argv.slice(2));
