const LOAD_TERM_MS = 30_000;

/** The loads from the `UserDirectory` that are under way: the nonce of each user, for 30 seconds. */
export class PendingLoads {
  /** In the order in which they run out: all have the same term, and each begins at the end. */
  private readonly loads = new Map<string, { readonly nonce: string; readonly until: number }>();

  /** @returns the nonce that stands: another one where a load was under way already */
  begin(userRef: string, nonce: string, now: number): string {
    this.forgetPassed(now);
    const underWay = this.loads.get(userRef);
    if (underWay) return underWay.nonce;
    this.loads.set(userRef, { nonce, until: now + LOAD_TERM_MS });
    return nonce;
  }

  /** Ends the load. @returns whether it was still under way with this nonce */
  finish(userRef: string, nonce: string, now: number): boolean {
    const load = this.loads.get(userRef);
    if (load?.nonce !== nonce || now >= load.until) return false;
    return this.loads.delete(userRef);
  }

  makeVoid(userRef: string): void {
    this.loads.delete(userRef);
  }

  clear(): void {
    this.loads.clear();
  }

  get size(): number {
    return this.loads.size;
  }

  /** Loads of users whom nobody knows are never finished; without this they would pile up. */
  private forgetPassed(now: number): void {
    for (const [userRef, load] of this.loads) {
      if (now < load.until) return;
      this.loads.delete(userRef);
    }
  }
}
