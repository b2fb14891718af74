import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ProblemNotice } from '../../parts/notice.js';
import { Card, Page, TableBox } from '../../parts/page.js';
import { moment } from '../../parts/time.js';
import { useWork } from '../../parts/work.js';
import { call } from '../../state/api.js';
import type { ActivitySecond, AppNode } from '../../state/types.js';
import { text } from '../../text.js';
import { ActivityChart, deniedIn } from './activity-chart.js';

const POLL_MS = 2_000;
const RECENT_MS = 5_000;

interface Picture {
  readonly now: number;
  readonly seconds: readonly ActivitySecond[];
  readonly nodes: readonly AppNode[];
}

/** Asked for by the page itself, while it is seen: both routes are passive, so that the session goes on ageing. */
export function ActivityScreen(): JSX.Element {
  const [picture, setPicture] = useState<Picture>();
  const work = useWork();
  useEffect(() => {
    let isOpen = true;
    const load = async (): Promise<void> => {
      const [activity, { nodes }] = await Promise.all([
        call<{ now: string; seconds: ActivitySecond[] }>('GET', 'admin/activity'),
        call<{ nodes: AppNode[] }>('GET', 'admin/nodes'),
      ]);
      if (isOpen) setPicture({ now: Date.parse(activity.now), seconds: activity.seconds, nodes });
    };
    const poll = (): void => {
      if (document.visibilityState === 'visible') void work.run(load);
    };
    poll();
    const timer = setInterval(poll, POLL_MS);
    return () => {
      isOpen = false;
      clearInterval(timer);
    };
  }, []);
  return (
    <Page title={text.activity.title} intro={text.activity.intro}>
      <ProblemNotice problem={work.problem} />
      {picture && <Drawn picture={picture} />}
    </Page>
  );
}

function Drawn({ picture: { now, seconds, nodes } }: { readonly picture: Picture }): JSX.Element {
  const permitted = seconds.reduce((sum, second) => sum + second.permitted, 0);
  const reasons = new Map<string, number>();
  for (const { denied } of seconds)
    for (const [reason, times] of Object.entries(denied))
      reasons.set(reason, (reasons.get(reason) ?? 0) + times);
  const denied = [...reasons.values()].reduce((sum, times) => sum + times, 0);
  const recent = seconds.filter(({ at }) => Date.parse(at) >= now - RECENT_MS);
  const rate =
    recent.reduce((sum, second) => sum + second.permitted + deniedIn(second), 0) / (RECENT_MS / 1_000);
  return (
    <>
      <dl class="numbers big">
        <div class="permitted">
          <dt>{text.activity.permitted}</dt>
          <dd>{permitted.toLocaleString('en')}</dd>
        </div>
        <div class="denied">
          <dt>{text.activity.denied}</dt>
          <dd>{denied.toLocaleString('en')}</dd>
        </div>
        <div>
          <dt>{text.activity.perSecond}</dt>
          <dd>{rate.toFixed(1)}</dd>
        </div>
      </dl>
      <ActivityChart now={now} seconds={seconds} label={text.activity.chart(permitted, denied)} />
      <div class="grid">
        <Card title={text.activity.reasons}>
          {reasons.size === 0 ? (
            <p class="muted">{text.activity.noDenials}</p>
          ) : (
            <table>
              <thead>
                <tr>
                  <th scope="col">{text.activity.reason}</th>
                  <th scope="col" class="number">
                    {text.activity.times}
                  </th>
                </tr>
              </thead>
              <tbody>
                {[...reasons]
                  .sort(([, a], [, b]) => b - a)
                  .map(([reason, times]) => (
                    <tr key={reason}>
                      <td>
                        <code>{reason}</code>
                      </td>
                      <td class="number">{times.toLocaleString('en')}</td>
                    </tr>
                  ))}
              </tbody>
            </table>
          )}
        </Card>
        <Card title={text.activity.nodes}>
          <Nodes nodes={nodes} />
        </Card>
      </div>
    </>
  );
}

function Nodes({ nodes }: { readonly nodes: readonly AppNode[] }): JSX.Element {
  return (
    <TableBox label={text.activity.nodes}>
      <thead>
        <tr>
          <th scope="col">{text.activity.node}</th>
          <th scope="col" class="number">
            {text.activity.connections}
          </th>
          <th scope="col">{text.activity.running}</th>
        </tr>
      </thead>
      <tbody>
        {nodes.map(({ id, name, answering, connections, startedAt }) => (
          <tr key={id}>
            <td data-label={text.activity.node}>
              <code>{name}</code> {answering && <span class="badge good">{text.activity.answering}</span>}
            </td>
            <td class="number" data-label={text.activity.connections}>
              {connections}
            </td>
            <td class="nowrap" data-label={text.activity.running}>
              {moment(startedAt)}
            </td>
          </tr>
        ))}
      </tbody>
    </TableBox>
  );
}
