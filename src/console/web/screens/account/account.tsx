import type { JSX } from 'preact';
import { QuotaMeter } from '../../parts/meter.js';
import { Notice, ProblemNotice } from '../../parts/notice.js';
import { Card, Facts, Page } from '../../parts/page.js';
import { duration, moment, useNow } from '../../parts/time.js';
import { useWork } from '../../parts/work.js';
import { keepAlive } from '../../state/session.js';
import { useStore } from '../../state/store.js';
import { text } from '../../text.js';
import { MyData } from './my-data.js';
import { PasswordForm } from './password.js';

export function AccountScreen(): JSX.Element {
  return (
    <Page title={text.account.title} intro={text.account.intro}>
      <div class="grid">
        <div class="column">
          <SessionCard />
          <PasswordForm />
        </div>
        <div class="column">
          <QuotaCard />
          <MyData />
        </div>
      </div>
    </Page>
  );
}

function SessionCard(): JSX.Element | null {
  const session = useStore((state) => state.me?.session);
  const expiresAt = useStore((state) => state.expiresAt);
  const work = useWork();
  const now = useNow(1_000);
  if (!session || expiresAt === undefined) return null;
  return (
    <Card title={text.account.session}>
      <Facts
        rows={[
          [text.account.left, duration(expiresAt - now)],
          [text.account.absolute, moment(session.absoluteExpiresAt)],
          [text.account.begun, moment(session.createdAt)],
        ]}
      />
      <ProblemNotice problem={work.problem} />
      <div class="actions">
        <button type="button" disabled={work.isBusy} onClick={() => void work.run(keepAlive)}>
          {text.account.keepAlive}
        </button>
      </div>
    </Card>
  );
}

function QuotaCard(): JSX.Element {
  const quotas = useStore((state) => state.quotas);
  return (
    <Card title={text.account.quotas} hint={text.account.quotasHint}>
      {quotas.length === 0 && <Notice kind="info">{text.loading}</Notice>}
      {[...quotas]
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map((quota) => (
          <QuotaMeter key={quota.name} quota={quota} />
        ))}
    </Card>
  );
}
