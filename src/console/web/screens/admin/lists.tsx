import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Area, Field } from '../../parts/field.js';
import { Notice, ProblemNotice } from '../../parts/notice.js';
import { Card, Page } from '../../parts/page.js';
import { errorOf, useReading, useWork } from '../../parts/work.js';
import { ApiError, call } from '../../state/api.js';
import { useStore } from '../../state/store.js';
import { text } from '../../text.js';

const GUARDING = 'admin';

interface List {
  readonly name: string;
  readonly cidrs: readonly string[];
}

export function ListsScreen(): JSX.Element {
  const [name, setName] = useState(GUARDING);
  const [opened, setOpened] = useState<{ readonly name: string; readonly isNew: boolean }>();
  const [lines, setLines] = useState('');
  const [isSaved, setSaved] = useState(false);
  const loading = useReading();
  const saving = useWork();
  const ip = useStore((state) => state.me?.session.device.ip);

  const load = (event?: Event): void => {
    event?.preventDefault();
    setSaved(false);
    saving.clear();
    loading.read(
      () => read(name),
      (list) => {
        setOpened({ name, isNew: !list });
        setLines((list?.cidrs ?? []).join('\n'));
      },
    );
  };
  useEffect(() => load(), []);

  const save = (isForced: boolean): void => {
    const cidrs = lines.split(/[\s,]+/).filter(Boolean);
    const path = `admin/ip-allowlists/${encodeURIComponent(opened?.name ?? name)}${isForced ? '?force=true' : ''}`;
    setSaved(false);
    void saving.run(async () => {
      const list = await call<List>('PUT', path, { cidrs });
      setLines(list.cidrs.join('\n'));
      setOpened({ name: list.name, isNew: false });
      setSaved(true);
    });
  };
  const isLockOut = saving.problem?.detail.includes('force=true') ?? false;

  return (
    <Page title={text.lists.title} intro={text.lists.intro}>
      <form class="filters" onSubmit={load}>
        <Field
          label={text.lists.name}
          name="list"
          autocomplete="off"
          required
          value={name}
          onInput={({ currentTarget }) => setName(currentTarget.value)}
        />
        <button class="quiet">{text.lists.load}</button>
      </form>
      <ProblemNotice problem={loading.problem} />
      {opened && (
        <Card title={opened.name}>
          {opened.isNew && <Notice kind="info">{text.lists.missing}</Notice>}
          {ip && <p>{text.lists.own(ip)}</p>}
          <form
            onSubmit={(event) => {
              event.preventDefault();
              save(false);
            }}
          >
            <Area
              label={text.lists.ranges}
              hint={text.lists.rangesHint}
              name="cidrs"
              class="mono"
              rows={8}
              spellcheck={false}
              error={errorOf(saving.problem, 'cidrs')}
              value={lines}
              onInput={({ currentTarget }) => setLines(currentTarget.value)}
            />
            {isLockOut ? (
              <Notice kind="warn" title={text.lists.lockOut}>
                <p>{text.lists.lockOutWhy}</p>
                <div class="actions">
                  <button type="button" id="force" class="danger" onClick={() => save(true)}>
                    {text.lists.force}
                  </button>
                </div>
              </Notice>
            ) : (
              <ProblemNotice problem={saving.problem} fields={['cidrs']} />
            )}
            {isSaved && <Notice kind="good">{text.lists.saved}</Notice>}
            <div class="actions">
              <button id="save-list" disabled={saving.isBusy}>
                {text.lists.save}
              </button>
            </div>
          </form>
        </Card>
      )}
    </Page>
  );
}

async function read(name: string): Promise<List | undefined> {
  try {
    return await call<List>('GET', `admin/ip-allowlists/${encodeURIComponent(name)}`);
  } catch (error) {
    if (error instanceof ApiError && error.code === 'not_found') return undefined;
    throw error;
  }
}
