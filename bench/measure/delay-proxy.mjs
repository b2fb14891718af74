// A TCP proxy that makes a Redis seem further away: replies are held back, requests pass at once. Node's timers count in
// whole milliseconds, so what is left below that is slept away in short slices, between which the sockets are read.
import { connect, createServer } from 'node:net';
import { answerParent } from './answer-parent.mjs';

const SLICE_MS = 0.08;
const sleeper = new Int32Array(new SharedArrayBuffer(4));
const held = [];
let delayMs = 0;
let isTurning = false;

function turn() {
  const now = performance.now();
  let due = 0;
  while (due < held.length && held[due].dueAt <= now) due++;
  for (const { chunk, to } of held.splice(0, due)) if (!to.destroyed) to.write(chunk);
  if (held.length === 0) {
    isTurning = false;
    return;
  }
  const leftMs = held[0].dueAt - performance.now();
  if (leftMs > 1.3) {
    setTimeout(turn, 1);
    return;
  }
  if (leftMs > 0.02) Atomics.wait(sleeper, 0, 0, Math.min(leftMs, SLICE_MS));
  setImmediate(turn);
}

function hold(chunk, to) {
  held.push({ dueAt: performance.now() + delayMs, chunk, to });
  if (isTurning) return;
  isTurning = true;
  turn();
}

const server = createServer({ noDelay: true }, (client) => {
  const upstream = connect({ port: Number(process.argv[2]), host: '127.0.0.1', noDelay: true });
  client.on('data', (chunk) => upstream.write(chunk));
  upstream.on('data', (chunk) => hold(chunk, client));
  for (const [one, other] of [
    [client, upstream],
    [upstream, client],
  ]) {
    one.on('error', () => undefined); // 'close' follows
    one.on('close', () => other.destroy());
  }
});

answerParent({
  listen: () =>
    new Promise((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve(server.address().port));
    }),
  delay: (ms) => {
    delayMs = ms;
  },
});
