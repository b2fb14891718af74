import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { BoundedLabels, type LabelName } from './labels.js';

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];

interface Definition {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly LabelName[];
}

/** Every metric, without its prefix. docs/metrics.md has the same table. */
export const METRICS = {
  checks_total: {
    kind: 'counter',
    help: 'Checks by decision and reason',
    labels: ['realm', 'context', 'decision', 'reason'],
  },
  check_duration_seconds: {
    kind: 'histogram',
    help: 'How long a check took, with its quotas and lists of addresses',
    labels: ['realm', 'context'],
  },
  acts_total: {
    kind: 'counter',
    help: 'Acts against users, sessions and lists, where they were asked for',
    labels: ['realm', 'act', 'outcome'],
  },
  act_confirmation_seconds: {
    kind: 'histogram',
    help: 'How long acts took that other nodes confirm',
    labels: ['realm', 'act'],
  },
  act_nodes_total: {
    kind: 'counter',
    help: 'Nodes that confirmed an act in time, and those that did not',
    labels: ['realm', 'result'],
  },
  act_connections_closed_total: {
    kind: 'counter',
    help: 'Live connections that acts have closed, on all nodes',
    labels: ['realm'],
  },
  sessions_total: {
    kind: 'counter',
    help: 'Sessions that began, went on with new tokens, or were ended; timeouts are not counted',
    labels: ['realm', 'change', 'cause'],
  },
  redis_call_duration_seconds: {
    kind: 'histogram',
    help: 'How long calls of Redis took',
    labels: ['realm', 'script'],
  },
  redis_call_failures_total: {
    kind: 'counter',
    help: 'Calls of Redis without an answer in time, refused, or without a connection',
    labels: ['realm', 'outcome'],
  },
  redis_near_misses_total: {
    kind: 'counter',
    help: 'Calls of Redis that were answered after more than half of their deadline',
    labels: ['realm'],
  },
  quota_refusals_total: {
    kind: 'counter',
    help: 'Quotas that had no room',
    labels: ['realm', 'quota'],
  },
  failed_tokens_total: {
    kind: 'counter',
    help: 'Tokens that open nothing',
    labels: ['realm', 'token', 'failure'],
  },
  open_connections: { kind: 'gauge', help: 'Live connections of this node', labels: ['realm'] },
  connections_closed_total: {
    kind: 'counter',
    help: 'Live connections that are over: as their clients were told, or gone',
    labels: ['realm', 'code'],
  },
  storage_up: { kind: 'gauge', help: 'Whether storage can answer: 1, or 0', labels: ['realm'] },
} as const satisfies Readonly<Record<string, Definition>>;

type Kinds = { readonly counter: Counter; readonly gauge: Gauge; readonly histogram: Histogram };
type MetricName = keyof typeof METRICS;
type MetricOf<Name extends MetricName> = Kinds[(typeof METRICS)[Name]['kind']];
type LabelsOf<Name extends MetricName> = Readonly<Record<(typeof METRICS)[Name]['labels'][number], string>>;

const sets = new WeakMap<Registry, Map<string, MetricSet>>();

/** The metrics of a registry, which all `SessionModule`s that write there share: they have a label each. */
export class MetricSet {
  private readonly metrics: { readonly [Name in MetricName]: MetricOf<Name> };
  private readonly bounds = new BoundedLabels();
  private readonly looks = new Set<() => Promise<void>>();

  private constructor(registry: Registry, prefix: string) {
    const look = async (): Promise<void> => void (await Promise.all([...this.looks].map((one) => one())));
    const made = Object.entries(METRICS).map(([name, { kind, help, labels }]) => {
      const common = { name: prefix + name, help, labelNames: labels, registers: [registry] };
      if (kind === 'counter') return [name, new Counter(common)];
      if (kind === 'histogram') return [name, new Histogram({ ...common, buckets: SECONDS })];
      return [name, new Gauge({ ...common, ...(name === 'storage_up' ? { collect: look } : {}) })];
    });
    this.metrics = Object.fromEntries(made) as MetricSet['metrics'];
  }

  /** @throws Error where the registry has metrics of other names' owners by one of these names */
  static of(registry: Registry, prefix: string): MetricSet {
    let byPrefix = sets.get(registry);
    if (!byPrefix) sets.set(registry, (byPrefix = new Map()));
    let set = byPrefix.get(prefix);
    if (!set) byPrefix.set(prefix, (set = new MetricSet(registry, prefix)));
    return set;
  }

  /** Looks at something with every scrape. @returns stops it */
  onScrape(look: () => Promise<void>): () => void {
    this.looks.add(look);
    return () => void this.looks.delete(look);
  }

  count<Name extends MetricName>(name: Name, labels: LabelsOf<Name>, by = 1): void {
    (this.metrics[name] as Counter).inc(this.bounded(labels), by);
  }

  observe<Name extends MetricName>(name: Name, labels: LabelsOf<Name>, ms: number): void {
    (this.metrics[name] as Histogram).observe(this.bounded(labels), ms / 1_000);
  }

  set<Name extends MetricName>(name: Name, labels: LabelsOf<Name>, value: number): void {
    (this.metrics[name] as Gauge).set(this.bounded(labels), value);
  }

  private bounded(labels: Readonly<Record<string, string>>): Record<string, string> {
    const bounded: Record<string, string> = {};
    for (const name of Object.keys(labels))
      bounded[name] = this.bounds.of(name as LabelName, labels[name] as string);
    return bounded;
  }
}
