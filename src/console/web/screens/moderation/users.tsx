import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Field } from '../../parts/field.js';
import { ProblemNotice } from '../../parts/notice.js';
import { Page } from '../../parts/page.js';
import { useReading, useWork } from '../../parts/work.js';
import { call } from '../../state/api.js';
import type { User } from '../../state/types.js';
import { text } from '../../text.js';
import { Standing } from './standing.js';
import { UserPanel } from './user-panel.js';

const PAGE = 50;

export function UsersScreen(): JSX.Element {
  const [users, setUsers] = useState<readonly User[]>([]);
  const [hasMore, setMore] = useState(false);
  const [name, setName] = useState('');
  const [chosenId, choose] = useState<string>();
  const [soughtName, setSought] = useState('');
  const list = useWork();
  const search = useReading();

  const put = (found: readonly User[]): void =>
    setUsers((known) => [
      ...known.map((one) => found.find(({ id }) => id === one.id) ?? one),
      ...missing(known, found),
    ]);
  const load = (before?: string): void =>
    void list.run(async () => {
      const query = before === undefined ? '' : `&before=${before}`;
      const reply = await call<{ users: User[] }>('GET', `moderation/users?limit=${PAGE}${query}`);
      put(reply.users);
      setMore(reply.users.length === PAGE);
    });
  useEffect(() => load(), []);

  const look = (event: Event): void => {
    event.preventDefault();
    if (name.trim() === '') return;
    const sought = name.trim();
    list.clear();
    search.read(
      () => call<{ users: User[] }>('GET', `moderation/users?username=${encodeURIComponent(sought)}`),
      (reply) => {
        put(reply.users);
        setSought(sought.toLowerCase());
        if (reply.users[0]) choose(reply.users[0].id);
      },
    );
  };
  const wanted = name.trim().toLowerCase();
  const shown = users.filter(({ username }) => username.includes(wanted));
  // The panel acts on a user: it must not show another one than was asked for.
  const chosen = shown.find(({ id }) => id === chosenId);

  return (
    <Page title={text.users.title} intro={text.users.intro}>
      <div class="split">
        <div>
          <form class="find" role="search" onSubmit={look}>
            <Field
              label={text.users.find}
              hint={text.users.findHint}
              type="search"
              name="find"
              autocomplete="off"
              autocapitalize="none"
              spellcheck={false}
              value={name}
              onInput={({ currentTarget }) => setName(currentTarget.value)}
            />
            <button class="quiet">{text.users.look}</button>
          </form>
          <ProblemNotice problem={search.problem ?? list.problem} />
          <p class="muted" role="status">
            {shown.length === 0 &&
              !list.isBusy &&
              !search.isBusy &&
              (wanted === soughtName ? text.users.none : text.users.noMatch)}
          </p>
          <ul class="people">
            {shown.map((user) => (
              <li key={user.id}>
                <button
                  type="button"
                  class="person"
                  aria-pressed={user.id === chosenId}
                  onClick={() => choose(user.id)}
                >
                  <strong>{user.username}</strong>
                  <Standing user={user} />
                </button>
              </li>
            ))}
          </ul>
          {hasMore && (
            <button type="button" class="quiet" disabled={list.isBusy} onClick={() => load(users.at(-1)?.id)}>
              {text.more}
            </button>
          )}
        </div>
        {chosen ? (
          <UserPanel key={chosen.id} user={chosen} onChange={(user) => put([user])} />
        ) : (
          <p class="muted placeholder">{text.users.choose}</p>
        )}
      </div>
    </Page>
  );
}

function missing(known: readonly User[], found: readonly User[]): readonly User[] {
  return found.filter(({ id }) => !known.some((one) => one.id === id));
}
