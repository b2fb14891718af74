import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Choice, Field } from '../../parts/field.js';
import { ProblemNotice } from '../../parts/notice.js';
import { errorOf, useWork } from '../../parts/work.js';
import { call } from '../../state/api.js';
import type { Receipt, User } from '../../state/types.js';
import { text } from '../../text.js';

const UNTIL_LIFTED = 0;

export function BlockForm({
  user,
  onDone,
}: {
  readonly user: User;
  readonly onDone: (receipt: Receipt, user: User) => void;
}): JSX.Element {
  const [reason, setReason] = useState('');
  const [seconds, setSeconds] = useState<number>(UNTIL_LIFTED);
  const work = useWork();
  const send = (event: Event): void => {
    event.preventDefault();
    void work.run(async () => {
      const until =
        seconds === UNTIL_LIFTED ? {} : { until: new Date(Date.now() + seconds * 1_000).toISOString() };
      const path = `moderation/users/${user.id}/block`;
      const reply = await call<{ user: User; receipt: Receipt }>('POST', path, { reason, ...until });
      onDone(reply.receipt, reply.user);
    });
  };
  return (
    <form class="inset" onSubmit={send}>
      <h3>{text.users.blockTitle}</h3>
      <Field
        label={text.users.reason}
        hint={text.users.reasonHint}
        name="reason"
        autocomplete="off"
        maxLength={500}
        required
        error={errorOf(work.problem, 'reason')}
        value={reason}
        onInput={({ currentTarget }) => setReason(currentTarget.value)}
      />
      <Choice
        label={text.users.duration}
        name="duration"
        options={text.users.durations}
        value={seconds}
        onChange={({ currentTarget }) => setSeconds(Number(currentTarget.value))}
      />
      <ProblemNotice problem={work.problem} fields={['reason']} />
      <div class="actions">
        <button id="block" class="danger" disabled={work.isBusy}>
          {text.users.block}
        </button>
      </div>
    </form>
  );
}
