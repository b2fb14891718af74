import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Confirm } from '../parts/dialog.js';
import { Icon } from '../parts/icons.js';
import { Notice, ProblemNotice } from '../parts/notice.js';
import { Card, focusHeading, Page } from '../parts/page.js';
import { SessionFacts, deviceName } from '../parts/session-facts.js';
import { useNow } from '../parts/time.js';
import { useWork } from '../parts/work.js';
import { call } from '../state/api.js';
import { startOver } from '../state/session.js';
import type { Session } from '../state/types.js';
import { text } from '../text.js';

interface Ended {
  readonly session: Session;
  readonly why: string;
}

export function DevicesScreen(): JSX.Element {
  const [sessions, setSessions] = useState<readonly Session[]>([]);
  const [ended, setEnded] = useState<readonly Ended[]>([]);
  const [said, setSaid] = useState('');
  const [isAsking, setAsking] = useState(false);
  const work = useWork();
  const now = useNow(15_000);

  /** @param byYou the sessions that this window has just ended */
  const load = async (byYou: readonly Session[] = []): Promise<void> => {
    const reply = await call<{ sessions: Session[] }>('GET', 'sessions');
    const gone = sessions.filter(({ id }) => !reply.sessions.some((one) => one.id === id));
    setEnded([...gone.map((session) => ({ session, why: whyEnded(session, byYou) })), ...ended]);
    setSessions(reply.sessions);
  };
  useEffect(() => void work.run(() => load()), []);

  const endOne = (session: Session): void =>
    void work.run(async () => {
      await call('DELETE', `sessions/${session.id}`);
      if (session.current) return startOver();
      await load([session]);
      focusHeading();
    });
  const endOthers = (): void =>
    void work.run(async () => {
      const { revoked } = await call<{ revoked: number }>('DELETE', 'sessions?scope=others');
      setSaid(text.devices.others(revoked));
      await load(sessions);
    });
  const endAll = (): void =>
    void work.run(async () => {
      await call('DELETE', 'sessions?scope=all');
      startOver();
    });

  return (
    <Page
      title={text.devices.title}
      intro={text.devices.intro}
      actions={
        <button
          type="button"
          class="quiet"
          disabled={work.isBusy}
          onClick={() => void work.run(() => load())}
        >
          {text.refresh}
        </button>
      }
    >
      <ProblemNotice problem={work.problem} />
      {said && <Notice kind="good">{said}</Notice>}
      <ul class="devices">
        {sessions.map((session) => (
          <li key={session.id} class="card device">
            <Icon name={isPhone(session) ? 'phone' : 'laptop'} />
            <SessionFacts session={session} now={now} />
            <button
              type="button"
              class="quiet danger"
              aria-label={text.devices.endOneLabel(deviceName(session))}
              disabled={work.isBusy}
              onClick={() => endOne(session)}
            >
              {text.devices.endOne}
            </button>
          </li>
        ))}
      </ul>
      <div class="actions">
        <button
          type="button"
          id="end-others"
          disabled={work.isBusy || sessions.length < 2}
          onClick={endOthers}
        >
          {text.devices.endOthers}
        </button>
        <button type="button" class="quiet danger" disabled={work.isBusy} onClick={() => setAsking(true)}>
          {text.devices.endAll}
        </button>
      </div>
      {ended.length > 0 && (
        <Card title={text.devices.ended}>
          <ul class="plain">
            {ended.map(({ session, why }) => (
              <li key={session.id}>
                {deviceName(session)} <span class="muted">{why}</span>
              </li>
            ))}
          </ul>
        </Card>
      )}
      {isAsking && (
        <Confirm
          title={text.devices.endAllTitle}
          why={text.devices.endAllWhy}
          action={text.devices.endAll}
          isBusy={work.isBusy}
          onConfirm={endAll}
          onClose={() => setAsking(false)}
        />
      )}
    </Page>
  );
}

function isPhone({ device }: Session): boolean {
  return /android|iphone|mobile|phone/i.test(`${device.userAgent} ${device.name}`);
}

function whyEnded(session: Session, byYou: readonly Session[]): string {
  if (byYou.some(({ id }) => id === session.id)) return text.devices.endedByYou;
  return Date.parse(session.expiresAt) <= Date.now() ? text.devices.endedByTime : text.devices.endedElsewhere;
}
