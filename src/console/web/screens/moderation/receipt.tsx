import type { JSX } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Receipt } from '../../state/types.js';
import { text } from '../../text.js';

export type Act = keyof typeof text.receipt.title;

/** What an act came to, on every node. */
export function ReceiptNotice({
  act,
  receipt,
}: {
  readonly act: Act;
  readonly receipt: Receipt;
}): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => box.current?.focus(), [receipt]);
  const { sessions, connectionsClosed, nodes, ms } = receipt;
  const numbers = [
    [sessions, text.receipt.sessions],
    [connectionsClosed, text.receipt.connections],
    [nodes.confirmed, text.receipt.nodes],
    [Math.round(ms), text.receipt.ms],
  ] as const;
  return (
    <div class="receipt" role="status" tabIndex={-1} ref={box}>
      <strong>{text.receipt.title[act]}</strong>
      <dl class="numbers">
        {numbers.map(([value, name], i) => (
          <div key={i}>
            <dt>{name(value)}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <p>{summary(nodes)}</p>
    </div>
  );
}

function summary({ confirmed, expired }: Receipt['nodes']): string {
  if (expired > 0) return text.receipt.some(expired);
  return confirmed === 0 ? text.receipt.noneOpen : text.receipt.all;
}
