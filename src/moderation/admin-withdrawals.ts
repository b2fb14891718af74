import type { UserState } from '@latchkey/session';

/**
 * Which admins are being blocked or demoted: for each one the version of their user state that was to be changed.
 *
 * Two user states cannot be changed in one atomic step (in a Cluster they live on different slots), so an act against
 * an admin has two: `begin` here, and only then the write, which names the same version. `begin` is the step that all
 * acts against admins pass through one at a time, and it refuses an actor whose own standing is being withdrawn.
 *
 * Why some admin always remains: look at the last act that began and took an admin away. Its actor was an admin, not
 * the same person, and not being withdrawn at that version; to lose that standing since, an act against the actor
 * would have had to begin later. And an act that began but was never written takes nobody's standing: it keeps its
 * target from acting on admins until their user state has changed once more, as by setting their roles again.
 */
export abstract class AdminWithdrawals {
  /**
   * @param act both as just read; the actor is an active admin, and another person
   * @returns false when the actor is being withdrawn; then nothing was noted
   */
  abstract begin(act: { readonly actor: UserState; readonly target: UserState }): Promise<boolean>;
  /**
   * Notes that somebody who is no admin is going for good: whatever they become meanwhile, they act on no admin any more.
   */
  abstract retire(userId: string): Promise<void>;
}

/** Above every version that a user state can have. */
export const FOR_GOOD = Number.MAX_SAFE_INTEGER;

/** In this process's memory. */
export class MemoryAdminWithdrawals extends AdminWithdrawals {
  private readonly versions = new Map<string, number>();

  async begin({
    actor,
    target,
  }: {
    readonly actor: UserState;
    readonly target: UserState;
  }): Promise<boolean> {
    if (this.versionOf(actor) >= actor.version) return false;
    this.versions.set(target.id, Math.max(this.versionOf(target), target.version));
    return true;
  }

  async retire(userId: string): Promise<void> {
    this.versions.set(userId, FOR_GOOD);
  }

  private versionOf({ id }: UserState): number {
    return this.versions.get(id) ?? -1;
  }
}
