import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Dialog } from '../parts/dialog.js';
import { Field } from '../parts/field.js';
import { ProblemNotice } from '../parts/notice.js';
import { useWork } from '../parts/work.js';
import { prove, settleProof } from '../state/session.js';
import { text } from '../text.js';

/** Reauthentication, for whatever asked for it. */
export function ProofDialog(): JSX.Element {
  const [password, setPassword] = useState('');
  const work = useWork();
  const close = (): void => settleProof(false);
  const submit = (event: Event): void => {
    event.preventDefault();
    void work.run(() => prove(password));
  };
  return (
    <Dialog title={text.prove.title} onClose={close}>
      <p>{text.prove.why}</p>
      <form onSubmit={submit}>
        <Field
          label={text.welcome.password}
          type="password"
          name="proof"
          autocomplete="current-password"
          required
          autofocus
          value={password}
          onInput={({ currentTarget }) => setPassword(currentTarget.value)}
        />
        <ProblemNotice problem={work.problem} />
        <div class="actions">
          <button type="button" class="quiet" onClick={close}>
            {text.cancel}
          </button>
          <button disabled={work.isBusy}>{text.prove.submit}</button>
        </div>
      </form>
    </Dialog>
  );
}
