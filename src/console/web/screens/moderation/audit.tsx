import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Choice, Field } from '../../parts/field.js';
import { Notice, ProblemNotice } from '../../parts/notice.js';
import { Page, TableBox } from '../../parts/page.js';
import { clock, moment } from '../../parts/time.js';
import { useReading } from '../../parts/work.js';
import { ApiError, call } from '../../state/api.js';
import type { AuditEvent, AuditLoss, AuditPage, User } from '../../state/types.js';
import { text } from '../../text.js';

const PAGE = 50;
const OUTCOMES = ['ok', 'denied', 'failed', 'unknown'];
const ALL = '';

interface Trail {
  readonly events: readonly AuditEvent[];
  readonly next: string | undefined;
  readonly userId: string | undefined;
  readonly droppedBefore: AuditLoss | undefined;
}

export function AuditScreen(): JSX.Element {
  const [trail, setTrail] = useState<Trail>();
  const [username, setUsername] = useState('');
  const [action, setAction] = useState(ALL);
  const [outcome, setOutcome] = useState(ALL);
  const reading = useReading();

  const read = async (userId?: string, before?: string): Promise<Trail> => {
    const query = new URLSearchParams({ limit: String(PAGE) });
    if (userId !== undefined) query.set('userId', userId);
    if (before !== undefined) query.set('before', before);
    const { events, next, droppedBefore } = await call<AuditPage>('GET', `moderation/audit?${query}`);
    return { events, next, userId, droppedBefore };
  };
  const start = (event?: Event): void => {
    event?.preventDefault();
    reading.read(async () => read(await idOf(username.trim())), setTrail);
  };
  const more = ({ events, next, userId }: Trail): void =>
    reading.read(
      () => read(userId, next),
      (page) => setTrail({ ...page, events: [...events, ...page.events] }),
    );
  useEffect(() => start(), []);

  const events = trail?.events ?? [];
  const actions = [...new Set(events.map((event) => event.action))].sort();
  const shown = events.filter(
    (event) => (action === ALL || event.action === action) && (outcome === ALL || event.outcome === outcome),
  );
  return (
    <Page title={text.audit.title} intro={text.audit.intro}>
      <form class="filters" onSubmit={start}>
        <Field
          label={text.audit.user}
          name="audit-user"
          type="search"
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          value={username}
          onInput={({ currentTarget }) => setUsername(currentTarget.value)}
        />
        <Choice
          label={text.audit.action}
          name="action"
          options={[[ALL, text.audit.all], ...actions.map((name) => [name, name] as const)]}
          value={action}
          onChange={({ currentTarget }) => setAction(currentTarget.value)}
        />
        <Choice
          label={text.audit.outcome}
          name="outcome"
          options={[[ALL, text.audit.all], ...OUTCOMES.map((name) => [name, name] as const)]}
          value={outcome}
          onChange={({ currentTarget }) => setOutcome(currentTarget.value)}
        />
        <button>{text.audit.apply}</button>
      </form>
      <ProblemNotice problem={reading.problem} />
      <TableBox label={text.audit.title}>
        <thead>
          <tr>
            <th scope="col">{text.audit.at}</th>
            <th scope="col">{text.audit.who}</th>
            <th scope="col">{text.audit.action}</th>
            <th scope="col">{text.audit.whom}</th>
            <th scope="col">{text.audit.from}</th>
            <th scope="col">{text.audit.details}</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((event) => (
            <Row key={event.id} event={event} />
          ))}
        </tbody>
      </TableBox>
      {trail && shown.length === 0 && <p class="muted">{text.audit.empty}</p>}
      <Losses dropped={trail?.droppedBefore ?? {}} />
      {trail?.next !== undefined && (
        <button type="button" class="quiet" disabled={reading.isBusy} onClick={() => more(trail)}>
          {text.more}
        </button>
      )}
    </Page>
  );
}

/** Entries that were dropped for their number must not look like entries that never were. */
function Losses({ dropped }: { readonly dropped: AuditLoss }): JSX.Element | null {
  const losses = Object.entries(dropped) as [keyof AuditLoss, string][];
  if (losses.length === 0) return null;
  return (
    <Notice kind="info" title={text.audit.incomplete}>
      <ul>
        {losses.map(([kind, before]) => (
          <li key={kind}>{text.audit.dropped(text.audit.kinds[kind], moment(before))}</li>
        ))}
      </ul>
    </Notice>
  );
}

function Row({ event }: { readonly event: AuditEvent }): JSX.Element {
  const { at, actor, target, action, outcome, ip, details } = event;
  return (
    <tr>
      <td class="nowrap" data-label={text.audit.at}>
        <time dateTime={at}>{clock(at)}</time>
      </td>
      <td data-label={text.audit.who}>{nameOf(actor)}</td>
      <td class="nowrap" data-label={text.audit.action}>
        <code>{action}</code> <span class={`badge ${outcome === 'ok' ? '' : 'bad'}`}>{outcome}</span>
      </td>
      <td data-label={text.audit.whom}>{nameOf(target)}</td>
      <td data-label={text.audit.from}>{ip ?? text.audit.nobody}</td>
      <td class="details" data-label={text.audit.details}>
        {Object.entries(details).map(([name, value]) => (
          <span key={name}>
            <span class="muted">{name}</span> {Array.isArray(value) ? value.join(', ') : String(value)}
          </span>
        ))}
      </td>
    </tr>
  );
}

function nameOf(person: AuditEvent['actor']): string {
  return person ? (person.username ?? text.audit.gone) : text.audit.nobody;
}

/** @throws ApiError when there is no user of the name */
async function idOf(username: string): Promise<string | undefined> {
  if (username === '') return undefined;
  const query = encodeURIComponent(username);
  const { users } = await call<{ users: User[] }>('GET', `moderation/users?username=${query}`);
  if (users[0]) return users[0].id;
  throw new ApiError({ status: 404, code: 'not_found', detail: text.users.none });
}
