import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Choice } from '../../parts/field.js';
import { ProblemNotice } from '../../parts/notice.js';
import { useWork } from '../../parts/work.js';
import { call } from '../../state/api.js';
import { RANKS, rankOf } from '../../state/route.js';
import type { Receipt, User } from '../../state/types.js';
import { text } from '../../text.js';

/** The rank of a user: a higher one has the lower ones' roles, too. */
export function RoleForm({
  user,
  onDone,
}: {
  readonly user: User;
  readonly onDone: (receipt: Receipt, user: User) => void;
}): JSX.Element {
  const [rank, setRank] = useState(rankOf(user.roles));
  const work = useWork();
  const send = (event: Event): void => {
    event.preventDefault();
    void work.run(async () => {
      const roles = RANKS.slice(0, rank + 1);
      const reply = await call<{ user: User; receipt: Receipt }>('PUT', `admin/users/${user.id}/roles`, {
        roles,
      });
      onDone(reply.receipt, reply.user);
    });
  };
  return (
    <form class="inset" onSubmit={send}>
      <h3>{text.users.rolesTitle}</h3>
      <Choice
        label={text.users.newRole}
        hint={text.users.rolesHint}
        name="role"
        options={RANKS.map((role, i) => [i, text.roles[role] ?? role] as const)}
        value={rank}
        onChange={({ currentTarget }) => setRank(Number(currentTarget.value))}
      />
      <ProblemNotice problem={work.problem} />
      <div class="actions">
        <button id="set-role" disabled={work.isBusy}>
          {text.users.setRole}
        </button>
      </div>
    </form>
  );
}
