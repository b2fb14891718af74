import type { JSX } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Confirm } from '../../parts/dialog.js';
import { Notice, ProblemNotice } from '../../parts/notice.js';
import { moment, useNow } from '../../parts/time.js';
import { SessionFacts } from '../../parts/session-facts.js';
import { useLoaded, useWork } from '../../parts/work.js';
import { call } from '../../state/api.js';
import { rankOf } from '../../state/route.js';
import { useStore } from '../../state/store.js';
import type { Receipt, Session, User } from '../../state/types.js';
import { text } from '../../text.js';
import { BlockForm } from './block-form.js';
import { type Act, ReceiptNotice } from './receipt.js';
import { RoleForm } from './role-form.js';
import { Standing } from './standing.js';

interface Done {
  readonly act: Act;
  readonly receipt: Receipt;
}

export function UserPanel({
  user,
  onChange,
}: {
  readonly user: User;
  readonly onChange: (user: User) => void;
}): JSX.Element {
  const me = useStore((state) => state.me?.user);
  const [done, setDone] = useState<Done>();
  const [said, setSaid] = useState('');
  const heading = useRef<HTMLHeadingElement>(null);

  const isAdmin = me?.roles.includes('admin') ?? false;
  const isSelf = me?.id === user.id;
  const mayAct = !isSelf && (isAdmin || rankOf(me?.roles ?? []) > rankOf(user.roles));
  const maySee = isSelf || mayAct;
  // Asking in vain would be a denial in the audit log.
  const sessions = useLoaded(async () =>
    maySee ? call<{ sessions: Session[] }>('GET', `moderation/users/${user.id}/sessions`) : undefined,
  );
  useLayoutEffect(() => heading.current?.focus(), []);

  const finish = (act: Act, receipt: Receipt, changed = user): void => {
    setDone({ act, receipt });
    setSaid('');
    onChange(changed);
    sessions.reload();
  };

  return (
    <section class="card panel" aria-label={user.username}>
      <header class="panel-head">
        <h2 ref={heading} tabIndex={-1}>
          {user.username}
        </h2>
        <Standing user={user} />
      </header>
      {user.stateLost && <Notice kind="warn">{text.users.stateLost}</Notice>}
      {done && <ReceiptNotice act={done.act} receipt={done.receipt} />}
      {said && <Notice kind="good">{said}</Notice>}
      {user.block && (
        <div class="block-facts">
          <strong>{text.users.blockedBecause}</strong>
          <p>{text.blockReason(user.block.reason)}</p>
          <p class="muted">
            {user.block.until ? text.blockUntil(moment(user.block.until)) : text.blockUntilLifted}
          </p>
        </div>
      )}
      {mayAct ? (
        <Acts
          user={user}
          onDone={finish}
          onUnblocked={(changed) => {
            setDone(undefined);
            setSaid(text.users.unblocked(user.username));
            heading.current?.focus(); // the button that had the focus is gone
            onChange(changed);
          }}
        />
      ) : (
        <p class="muted">{isSelf ? text.users.self : text.users.above}</p>
      )}
      <Sessions sessions={sessions.value?.sessions} />
      <ProblemNotice problem={sessions.problem} />
      {isAdmin && !isSelf && (
        <RoleForm user={user} onDone={(receipt, changed) => finish('roles', receipt, changed)} />
      )}
    </section>
  );
}

function Sessions({ sessions }: { readonly sessions: readonly Session[] | undefined }): JSX.Element | null {
  const now = useNow(15_000);
  if (!sessions) return null;
  return (
    <>
      <h3>{text.users.sessions}</h3>
      {sessions.length === 0 && <p class="muted">{text.users.noSessions}</p>}
      <ul class="plain sessions">
        {sessions.map((session) => (
          <li key={session.id}>
            <SessionFacts session={session} now={now} />
          </li>
        ))}
      </ul>
    </>
  );
}

function Acts({
  user,
  onDone,
  onUnblocked,
}: {
  readonly user: User;
  readonly onDone: (act: Act, receipt: Receipt, user?: User) => void;
  readonly onUnblocked: (user: User) => void;
}): JSX.Element {
  const [isAsking, setAsking] = useState(false);
  const work = useWork();
  const unblock = (): void =>
    void work.run(async () => {
      const reply = await call<{ user: User }>('DELETE', `moderation/users/${user.id}/block`);
      onUnblocked(reply.user);
    });
  const revoke = (): void =>
    void work.run(async () => {
      const { receipt } = await call<{ receipt: Receipt }>('DELETE', `moderation/users/${user.id}/sessions`);
      setAsking(false);
      onDone('revoke', receipt);
    });
  return (
    <>
      {user.status !== 'blocked' && (
        <BlockForm user={user} onDone={(receipt, changed) => onDone('block', receipt, changed)} />
      )}
      <div class="actions">
        {user.status === 'blocked' && !user.stateLost && (
          <button type="button" id="unblock" disabled={work.isBusy} onClick={unblock}>
            {text.users.unblock}
          </button>
        )}
        <button type="button" class="quiet danger" disabled={work.isBusy} onClick={() => setAsking(true)}>
          {text.users.revoke}
        </button>
      </div>
      <ProblemNotice problem={work.problem} />
      {isAsking && (
        <Confirm
          title={text.users.revokeTitle(user.username)}
          why={text.users.revokeWhy}
          action={text.users.revoke}
          isBusy={work.isBusy}
          onConfirm={revoke}
          onClose={() => setAsking(false)}
        />
      )}
    </>
  );
}
