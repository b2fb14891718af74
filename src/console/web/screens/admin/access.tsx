import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Choice, Field } from '../../parts/field.js';
import { ProblemNotice } from '../../parts/notice.js';
import { Page, TableBox } from '../../parts/page.js';
import { useLoaded } from '../../parts/work.js';
import { call } from '../../state/api.js';
import type { PolicyEntry } from '../../state/types.js';
import { text } from '../../text.js';

const ALL = '';

export function AccessScreen(): JSX.Element {
  const { value, problem } = useLoaded(() => call<{ entries: PolicyEntry[] }>('GET', 'admin/manifest'));
  const [wanted, setWanted] = useState('');
  const [who, setWho] = useState(ALL);
  const entries = value?.entries ?? [];
  const audiences = [...new Set(entries.map(audience))].sort();
  const shown = entries.filter(
    (entry) =>
      (who === ALL || audience(entry) === who) &&
      routeOf(entry).toLowerCase().includes(wanted.trim().toLowerCase()),
  );
  return (
    <Page title={text.access.title} intro={text.access.intro}>
      <div class="filters">
        <Field
          label={text.access.search}
          name="path"
          type="search"
          autocomplete="off"
          value={wanted}
          onInput={({ currentTarget }) => setWanted(currentTarget.value)}
        />
        <Choice
          label={text.access.who}
          name="who"
          options={[[ALL, text.access.all], ...audiences.map((name) => [name, name] as const)]}
          value={who}
          onChange={({ currentTarget }) => setWho(currentTarget.value)}
        />
        <p class="muted" role="status">
          {text.access.shown(shown.length)}
        </p>
      </div>
      <ProblemNotice problem={problem} />
      {value && shown.length === 0 && <p class="muted">{text.access.empty}</p>}
      <TableBox label={text.access.title}>
        <thead>
          <tr>
            <th scope="col">{text.access.route}</th>
            <th scope="col">{text.access.who}</th>
            <th scope="col">{text.access.conditions}</th>
            <th scope="col">{text.access.quota}</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((entry) => (
            <tr key={routeOf(entry)}>
              <td data-label={text.access.route}>
                <span class="method">{entry.method}</span> <code>{pathOf(entry)}</code>
              </td>
              <td data-label={text.access.who}>
                <Audience entry={entry} />
              </td>
              <td class="details" data-label={text.access.conditions}>
                {conditions(entry).map((condition) => (
                  <span key={condition}>{condition}</span>
                ))}
              </td>
              <td data-label={text.access.quota}>
                {(entry.quotas ?? [])
                  .map(({ quota, windowMs, by }) =>
                    text.access.per(quota, text.account.windows(windowMs / 1_000), by),
                  )
                  .join('; ')}
              </td>
            </tr>
          ))}
        </tbody>
      </TableBox>
    </Page>
  );
}

/** Roles one by one; several groups are all needed. */
function Audience({ entry }: { readonly entry: PolicyEntry }): JSX.Element {
  const { roles = [] } = entry;
  if (roles.length === 0)
    return <span class={`badge ${entry.access === 'public' ? 'warn' : ''}`}>{audience(entry)}</span>;
  return (
    <span class="badges">
      {roles.flat().map((role) => (
        <span key={role} class={`badge role-${role}`}>
          {text.roles[role] ?? role}
        </span>
      ))}
    </span>
  );
}

const pathOf = ({ path, message }: PolicyEntry): string => (message ? `${path} ${message}` : path);
const routeOf = (entry: PolicyEntry): string => `${entry.method} ${pathOf(entry)}`;

function audience({ access, roles }: PolicyEntry): string {
  if (access === 'public') return text.access.anyone;
  if (access !== 'guarded') return access;
  if (!roles?.length) return text.access.session;
  return roles.map((group) => group.map((role) => text.roles[role] ?? role).join(', ')).join(' + ');
}

function conditions({ fresh, ipAllowlists, allowExpired, passive }: PolicyEntry): string[] {
  return [
    ...(fresh ? [text.access.fresh(fresh)] : []),
    ...(ipAllowlists ?? []).map((list) =>
      text.access.list(typeof list === 'string' ? list : JSON.stringify(list)),
    ),
    ...(allowExpired ? [text.access.expired] : []),
    ...(passive ? [text.access.passive] : []),
  ];
}
