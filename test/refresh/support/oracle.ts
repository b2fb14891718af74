/** What refresh tokens are to do, in a few lines: pairs are named `family.generation`. */
export class Family {
  private family = 0;
  private generation = 0;
  /** Whether the pair before the current one is still answered, and its access token good. */
  private isGraced = false;
  private hasEnded = false;
  private isBlocked = false;
  wasReused = false;

  get isAlive(): boolean {
    return !this.hasEnded;
  }

  /** @returns the pair that a refresh token gets, or the code of its refusal */
  present(name: string): string {
    const [family, generation] = name.split('.').map(Number);
    if (this.isBlocked) return 'user_blocked';
    if (this.hasEnded || family !== this.family) return 'session_revoked';
    if (generation === this.generation) {
      this.generation += 1;
      this.isGraced = true;
    } else if (generation !== this.generation - 1 || !this.isGraced) {
      this.hasEnded = true;
      this.wasReused = true;
      return 'session_revoked';
    }
    return `${this.family}.${this.generation}`;
  }

  /** Whether the access token of a pair opens the session. */
  accepts(name: string): boolean {
    const [family, generation] = name.split('.').map(Number);
    if (this.isBlocked || this.hasEnded || family !== this.family) return false;
    return generation === this.generation || (generation === this.generation - 1 && this.isGraced);
  }

  /** @returns the pair that this access token is replaced by; `undefined` when it may not */
  replace(name: string): string | undefined {
    if (!this.accepts(name)) return undefined;
    this.family += 1;
    this.generation = 0;
    this.isGraced = false;
    return `${this.family}.0`;
  }

  end(): void {
    this.hasEnded = true;
  }

  block(): void {
    this.isBlocked = this.hasEnded = true;
  }

  unblock(): void {
    this.isBlocked = false;
  }

  endGrace(): void {
    this.isGraced = false;
  }
}
