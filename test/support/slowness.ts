/**
 * How long a machine that is busy with other tests takes for the least that it can do: a request to the same process, at the
 * same time. A bound in milliseconds says something only on top of that.
 */
export class Slowness {
  private readonly samples: number[] = [];

  /** @param url of anything, also of what is not there */
  async sample(url: string): Promise<void> {
    const startedAt = performance.now();
    await (await fetch(url)).arrayBuffer();
    this.samples.push(performance.now() - startedAt);
  }

  /** The 99th percentile, in milliseconds. */
  get p99(): number {
    const sorted = this.samples.toSorted((a, b) => a - b);
    return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? 0;
  }
}
