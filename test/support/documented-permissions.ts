import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export function pageOf(name: string): string {
  return readFileSync(join(__dirname, '../../docs', name), 'utf8');
}

/** The permissions that a page asks for, as ACL SETUSER takes them. @param prefix of the keys that they are for */
export function permissionsIn(page: string, prefix = 'lk'): string[] {
  const block = new RegExp(`^\`\`\`\\n(~${prefix}:\\*[^]*?)^\`\`\`$`, 'm').exec(page)?.[1];
  if (!block) throw new Error('The page does not say what the Redis user needs');
  return block.trim().split(/\s+/);
}
