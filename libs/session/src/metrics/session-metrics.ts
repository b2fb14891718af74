import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { register, type Registry } from 'prom-client';
import { fail, isRecord, mustBe, noOthers, shown } from '../rules/option-rules.js';
import { STORAGE } from '../options/injection-keys.js';
import { SessionService } from '../services/sessions/session.service.js';
import type { Storage } from '../storage/open-storage.js';
import { onTelemetry, type TelemetryChannel } from '../telemetry/channels.js';
import type { TelemetryMessage, TelemetryMessages } from '../telemetry/messages.js';
import { MetricSet } from './metric-set.js';
import { METRICS_OPTIONS, type SessionMetricsOptions } from './metrics-options.js';

/** What each message is in metrics. */
const FEEDS: {
  readonly [Name in TelemetryChannel]: (
    set: MetricSet,
    realm: string,
    message: TelemetryMessages[Name],
  ) => void;
} = {
  'latchkey.check': (set, realm, { context, decision, reason = 'none', durationMs }) => {
    set.count('checks_total', { realm, context, decision, reason });
    set.observe('check_duration_seconds', { realm, context }, durationMs);
  },
  'latchkey.act': (set, realm, { act, outcome, durationMs, receipt }) => {
    set.count('acts_total', { realm, act, outcome });
    if (!receipt) return;
    set.observe('act_confirmation_seconds', { realm, act }, durationMs);
    set.count('act_connections_closed_total', { realm }, receipt.connectionsClosed);
    for (const result of ['confirmed', 'expired'] as const)
      set.count('act_nodes_total', { realm, result }, receipt.nodes[result]);
  },
  'latchkey.sessions': (set, realm, { change, reason, count }) =>
    set.count('sessions_total', { realm, change, cause: reason }, count),
  'latchkey.redis_call': (set, realm, { script, outcome, durationMs, deadlineMs }) => {
    set.observe('redis_call_duration_seconds', { realm, script }, durationMs);
    if (outcome !== 'ok') set.count('redis_call_failures_total', { realm, outcome });
    else if (durationMs > deadlineMs / 2) set.count('redis_near_misses_total', { realm });
  },
  'latchkey.quota_refusal': (set, realm, { quota }) => set.count('quota_refusals_total', { realm, quota }),
  'latchkey.failed_token': (set, realm, { token, failure }) =>
    set.count('failed_tokens_total', { realm, token, failure }),
  'latchkey.connections': (set, realm, { change, code = 'gone', open }) => {
    set.set('open_connections', { realm }, open);
    if (change === 'closed') set.count('connections_closed_total', { realm, code });
  },
  'latchkey.storage': (set, realm, { state }) => set.set('storage_up', { realm }, state === 'up' ? 1 : 0),
};

/** Feeds a registry of prom-client with what one `SessionModule` tells, until the app is closed. */
@Injectable()
export class SessionMetrics implements OnModuleInit, OnModuleDestroy {
  private readonly stops: (() => void)[] = [];
  private readonly set: MetricSet;

  constructor(
    @Inject(METRICS_OPTIONS) options: SessionMetricsOptions,
    @Inject(STORAGE) private readonly storage: Pick<Storage, 'sessions'>,
    private readonly sessions: SessionService,
  ) {
    const { registry, prefix } = checkMetricsOptions(options);
    this.set = MetricSet.of(registry, prefix);
    for (const name of Object.keys(FEEDS) as TelemetryChannel[]) this.feed(name);
  }

  onModuleInit(): void {
    const { name: realm } = this.sessions.realm;
    this.set.set('open_connections', { realm }, 0);
    this.beginAtZero(realm);
    this.stops.push(this.set.onScrape(() => this.look(realm)));
  }

  onModuleDestroy(): void {
    for (const stop of this.stops.splice(0)) stop();
  }

  /** So that the first of what is rare shows as an increase. */
  private beginAtZero(realm: string): void {
    const { set } = this;
    const undecided = { context: 'http', decision: 'error', reason: 'session_store_unavailable' };
    set.count('checks_total', { realm, ...undecided }, 0);
    set.count('sessions_total', { realm, change: 'ended', cause: 'refresh_reused' }, 0);
    set.count('redis_near_misses_total', { realm }, 0);
    for (const outcome of ['timeout', 'refused', 'lost'])
      set.count('redis_call_failures_total', { realm, outcome }, 0);
    for (const result of ['confirmed', 'expired']) set.count('act_nodes_total', { realm, result }, 0);
    for (const failure of ['malformed', 'unknown'])
      set.count('failed_tokens_total', { realm, token: 'session', failure }, 0);
  }

  private feed(name: TelemetryChannel): void {
    const { set } = this;
    const { realm } = this.sessions;
    // Each of them takes the messages of its own channel.
    const feed = FEEDS[name] as (set: MetricSet, realm: string, message: TelemetryMessage) => void;
    const listen = (message: TelemetryMessage): void => {
      if (message.realm === realm) feed(set, realm.name, message);
    };
    this.stops.push(onTelemetry(name, listen));
  }

  /** Within the time that a call may take. */
  private async look(realm: string): Promise<void> {
    const isUp = await this.storage.sessions.ping().then(
      () => 1,
      () => 0,
    );
    this.set.set('storage_up', { realm }, isUp);
  }
}

/** @throws SessionConfigurationError naming the option */
function checkMetricsOptions(given: SessionMetricsOptions): Required<SessionMetricsOptions> {
  if (!isRecord(given)) mustBe('SessionMetricsModule', 'an object', given);
  noOthers(given, ['registry', 'prefix'], 'SessionMetricsModule.');
  const { registry = register, prefix = 'latchkey_' } = given;
  if (typeof (registry as Partial<Registry> | null)?.registerMetric !== 'function')
    mustBe('SessionMetricsModule.registry', "a Registry of prom-client's", registry);
  if (typeof prefix !== 'string' || !/^[A-Za-z_:][A-Za-z0-9_:]{0,63}$/.test(prefix))
    fail('SessionMetricsModule.prefix', `must begin a metric's name, such as 'shop_', not ${shown(prefix)}`);
  return { registry, prefix };
}
