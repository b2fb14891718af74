/** For whom a task is: those of one client take turns with other clients', and within a client one account with others. */
export interface TaskOwner {
  /** Who asks, such as `ipPartition()` tells clients apart. */
  readonly client: string;
  /** In whose name. */
  readonly account: string;
}

interface FairQueueLimits {
  /** How many tasks run at a time. */
  readonly concurrency: number;
  /** How many may wait in all. */
  readonly waiting: number;
  /** How many of one client's may wait. */
  readonly waitingPerClient: number;
}

interface Waiting {
  readonly start: () => void;
  readonly refuse: () => void;
}

/** What one client has waiting, by account, in the order of their turns. */
class ClientLine {
  readonly accounts = new Map<string, Waiting[]>();
  size = 0;

  add(account: string, task: Waiting): void {
    const tasks = this.accounts.get(account);
    if (tasks) tasks.push(task);
    else this.accounts.set(account, [task]);
    this.size += 1;
  }

  next(): Waiting | undefined {
    const [account, tasks] = this.accounts.entries().next().value ?? [];
    if (account === undefined || !tasks) return undefined;
    this.accounts.delete(account);
    const task = tasks.shift();
    if (tasks.length > 0) this.accounts.set(account, tasks); // behind the others
    this.size -= 1;
    return task;
  }

  /** Takes the newest task of an account out. */
  drop(account: string): Waiting | undefined {
    const tasks = this.accounts.get(account);
    const task = tasks?.pop();
    if (tasks?.length === 0) this.accounts.delete(account);
    if (task) this.size -= 1;
    return task;
  }

  longest(): { readonly account: string; readonly length: number } {
    let found = { account: '', length: 0 };
    for (const [account, { length }] of this.accounts) if (length > found.length) found = { account, length };
    return found;
  }
}

/**
 * Lets a few tasks run at a time, and a bounded number wait: clients take turns, and within a client its accounts do.
 * Where there is no more room, whoever has much waiting makes room for whoever has little: the newest task of the account
 * with the longest line is refused, or else of the client with the longest. So nobody is kept out by others who fill the
 * queue, unless those are as many clients as it has places.
 */
export class FairQueue {
  private running = 0;
  private waiting = 0;
  /** In the order of their turns. */
  private readonly clients = new Map<string, ClientLine>();

  constructor(private readonly limits: FairQueueLimits) {}

  /**
   * Runs the task when it is its turn.
   * @param onFull makes the error that is thrown when there is no room for it, at once or later
   */
  async run<T>(task: () => Promise<T>, owner: TaskOwner, onFull: () => Error): Promise<T> {
    if (this.running < this.limits.concurrency) this.running += 1;
    else await this.turn(owner, onFull); // whoever ends hands its place over
    try {
      return await task();
    } finally {
      const next = this.next();
      if (next) next.start();
      else this.running -= 1;
    }
  }

  private turn({ client, account }: TaskOwner, onFull: () => Error): Promise<void> {
    const line = this.clients.get(client) ?? new ClientLine();
    const isClientFull = line.size >= this.limits.waitingPerClient;
    if (isClientFull && !this.makeRoom([[client, line]], { line, account })) throw onFull();
    if (this.waiting >= this.limits.waiting && !this.makeRoom(this.clients, { line, account }))
      throw onFull();
    return new Promise((start, reject) => {
      line.add(account, { start, refuse: () => reject(onFull()) });
      this.clients.set(client, line);
      this.waiting += 1;
    });
  }

  private next(): Waiting | undefined {
    const [client, line] = this.clients.entries().next().value ?? [];
    if (client === undefined || !line) return undefined;
    this.clients.delete(client);
    const task = line.next();
    if (line.size > 0) this.clients.set(client, line); // behind the others
    this.waiting -= 1;
    return task;
  }

  /** @returns whether somebody with more than the newcomer had to give way */
  private makeRoom(
    lines: Iterable<[string, ClientLine]>,
    newcomer: { readonly line: ClientLine; readonly account: string },
  ): boolean {
    const all = [...lines].map(([client, line]) => ({ client, line, ...line.longest() }));
    const own = newcomer.line.accounts.get(newcomer.account)?.length ?? 0;
    const byAccount = largest(all, ({ length }) => length);
    if (byAccount && byAccount.length > own + 1) return this.refuse(byAccount);
    // Another client of many accounts makes room only for an account that has less waiting than any of those.
    const byClient = largest(
      all.filter(({ length }) => length > own),
      ({ line }) => line.size,
    );
    if (byClient && byClient.line.size > newcomer.line.size + 1) return this.refuse(byClient);
    return false;
  }

  private refuse({ client, line, account }: { client: string; line: ClientLine; account: string }): true {
    line.drop(account)?.refuse();
    if (line.size === 0) this.clients.delete(client);
    this.waiting -= 1;
    return true;
  }
}

function largest<T>(items: readonly T[], sizeOf: (item: T) => number): T | undefined {
  let found: T | undefined;
  for (const item of items) if (!found || sizeOf(item) > sizeOf(found)) found = item;
  return found;
}
