#!/usr/bin/env node
import { userInfo } from 'node:os';
import { createInterface } from 'node:readline/promises';
import { runLatchkey } from './run.js';
import type { Terminal } from './terminal.js';

/** The program `latchkey`, as package.json's `bin` has it. */
async function main(): Promise<void> {
  const isThere = process.stdin.isTTY && process.stderr.isTTY;
  const terminal: Terminal = {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    env: process.env,
    cwd: process.cwd(),
    user: nameOfUser(),
    load: (url) => import(url),
    ...(isThere ? { ask } : {}),
  };
  const code = await runLatchkey(process.argv.slice(2), terminal);
  // A client that a --config made would keep the process.
  await new Promise((written) => process.stdout.write('', written));
  process.exit(code);
}

async function ask(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await lines.question(question);
  } finally {
    lines.close();
  }
}

/** A container may have a user without a name. */
function nameOfUser(): string {
  try {
    return userInfo().username;
  } catch {
    return process.env['USER'] ?? 'unknown';
  }
}

void main();
