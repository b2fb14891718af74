import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Field } from '../../parts/field.js';
import { Notice, ProblemNotice } from '../../parts/notice.js';
import { Card } from '../../parts/page.js';
import { errorOf, useWork } from '../../parts/work.js';
import { call } from '../../state/api.js';
import { ask } from '../../state/session.js';
import { text } from '../../text.js';

export function PasswordForm(): JSX.Element {
  const [currentPassword, setCurrent] = useState('');
  const [newPassword, setNext] = useState('');
  const [isDone, setDone] = useState(false);
  const work = useWork();
  const send = async (event: Event): Promise<void> => {
    event.preventDefault();
    setDone(false);
    const change = { currentPassword, newPassword };
    const isChanged = await work.run(() => call('PUT', 'auth/password', change, { replacesToken: true }));
    if (!isChanged) return;
    setDone(true);
    setCurrent('');
    setNext('');
    await ask();
  };
  return (
    <Card title={text.account.password} hint={text.account.passwordHint}>
      <form onSubmit={(event) => void send(event)}>
        <Field
          label={text.account.current}
          name="currentPassword"
          type="password"
          autocomplete="current-password"
          required
          value={currentPassword}
          onInput={({ currentTarget }) => setCurrent(currentTarget.value)}
        />
        <Field
          label={text.account.next}
          name="newPassword"
          type="password"
          autocomplete="new-password"
          required
          minLength={8}
          maxLength={128}
          hint={text.welcome.newPasswordHint}
          error={errorOf(work.problem, 'newPassword')}
          value={newPassword}
          onInput={({ currentTarget }) => setNext(currentTarget.value)}
        />
        <ProblemNotice problem={work.problem} fields={['newPassword']} />
        {isDone && <Notice kind="good">{text.account.changed}</Notice>}
        <div class="actions">
          <button disabled={work.isBusy}>{text.account.change}</button>
        </div>
      </form>
    </Card>
  );
}
