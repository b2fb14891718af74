import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Confirm } from '../../parts/dialog.js';
import { ProblemNotice } from '../../parts/notice.js';
import { Card } from '../../parts/page.js';
import { useWork } from '../../parts/work.js';
import { call } from '../../state/api.js';
import { startOver } from '../../state/session.js';
import { text } from '../../text.js';

const FILE = 'my-data.json';

/** Both routes want a fresh login: the dialog for that comes by itself. */
export function MyData(): JSX.Element {
  const [isAsking, setAsking] = useState(false);
  const work = useWork();
  const download = (): void => void work.run(async () => save(await call<object>('GET', 'auth/me/export')));
  const erase = (): void =>
    void work
      .run(async () => {
        await call('DELETE', 'auth/me');
        startOver();
      })
      .then((isDone) => !isDone && setAsking(false));
  return (
    <Card title={text.account.data} hint={text.account.dataHint}>
      <ProblemNotice problem={work.problem} />
      <div class="actions">
        <button type="button" class="quiet" disabled={work.isBusy} onClick={download}>
          {text.account.export}
        </button>
        <button type="button" class="quiet danger" disabled={work.isBusy} onClick={() => setAsking(true)}>
          {text.account.erase}
        </button>
      </div>
      {isAsking && (
        <Confirm
          title={text.account.eraseTitle}
          why={text.account.eraseWhy}
          action={text.account.eraseConfirm}
          isBusy={work.isBusy}
          onConfirm={erase}
          onClose={() => setAsking(false)}
        />
      )}
    </Card>
  );
}

/** Hands a file over without leaving anything of it in the page. */
function save(data: object): void {
  const blob = new Blob([JSON.stringify(data, null, 2)], { type: 'application/json' });
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = FILE;
  link.click();
  URL.revokeObjectURL(link.href);
}
