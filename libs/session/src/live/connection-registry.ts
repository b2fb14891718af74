import { randomUUID } from 'node:crypto';
import type { AccessRequirements } from '../model/decision.js';
import { SESSION_EVENTS, type SessionEvent, type UserEvent } from '../model/session-event.js';
import type { IpPolicy } from '../services/ip/ip-policy.service.js';
import type { SessionService } from '../services/sessions/session.service.js';
import type { TokenCheckResult } from '../services/sessions/token-check.js';
import { actOnIpList } from '../storage/contract/node-registry.js';
import type { SessionRepository } from '../storage/contract/session-repository.js';
import type { ConnectionNode, LiveConnection } from './live-connection.js';
import { CHANNELS } from '../telemetry/channels.js';
import type { ConnectionsMessage } from '../telemetry/messages.js';
import type { CheckCause } from './verification.js';
import { NodePresence, type RecheckResult, type ServedNode } from './node-presence.js';

const AT_ONCE = 64;

/** The open connections of this node: what is done to their users, or to a list they depend upon, is carried out here. */
export class ConnectionRegistry implements ConnectionNode, ServedNode {
  private readonly byUser = new Map<string, Set<LiveConnection>>();
  private readonly counted = new WeakSet<LiveConnection>();
  private open = 0;
  private readonly presence: NodePresence;

  constructor(
    repository: SessionRepository,
    private readonly sessions: SessionService,
    private readonly ip: IpPolicy,
  ) {
    this.presence = new NodePresence(randomUUID(), repository, this);
  }

  get isAwaited(): boolean {
    return this.presence.isAwaited;
  }

  get isVouchedFor(): boolean {
    return this.presence.isVouchedFor;
  }

  /** Resolves when what is done to the connection's user from now on will be heard. */
  async add(connection: LiveConnection): Promise<void> {
    const connections = this.byUser.get(connection.userRef) ?? new Set<LiveConnection>();
    this.byUser.set(connection.userRef, connections.add(connection));
    await this.presence.join();
  }

  remove(connection: LiveConnection): void {
    const connections = this.byUser.get(connection.userRef);
    connections?.delete(connection);
    if (connections?.size === 0) this.byUser.delete(connection.userRef);
    if (!this.counted.delete(connection)) return;
    this.open -= 1;
    this.tell({ change: 'closed', code: connection.endCode });
  }

  /** Counts one that has been let in, until it is removed. */
  count(connection: LiveConnection): void {
    if (connection.isEnded) return;
    this.counted.add(connection);
    this.open += 1;
    this.tell({ change: 'opened' });
  }

  private tell(told: Pick<ConnectionsMessage, 'change' | 'code'>): void {
    const channel = CHANNELS['latchkey.connections'];
    const { open, sessions } = this;
    if (channel.hasSubscribers)
      channel.publish({ realm: sessions.realm, ...told, open } satisfies ConnectionsMessage);
  }

  all(): LiveConnection[] {
    return [...this.byUser.values()].flatMap((connections) => [...connections]);
  }

  ofUser(userRef: string): LiveConnection[] {
    return [...(this.byUser.get(userRef) ?? [])];
  }

  check(
    { token, clientIp }: { readonly token: string | undefined; readonly clientIp: string | undefined },
    requirements: AccessRequirements,
    cause: CheckCause,
  ): Promise<TokenCheckResult> {
    // What stays open is ended by events, which may have come before a copy was dropped.
    const context = { isActivity: cause === 'message', isFresh: true, clientIp, toldAs: cause };
    return this.sessions.checkToken(token, requirements, context);
  }

  async carryOut(event: SessionEvent): Promise<void> {
    const isList = event.name === 'ip_list.changed';
    const concerned = isList ? this.dependingOn(event.list) : this.concernedBy(event);
    if (!concerned) return;
    // What a message demands besides is known only while it is checked: with a list, that may be any connection's.
    if (isList) for (const { verification } of this.all()) verification.outdateAnswers(false);
    for (const { verification } of concerned) verification.outdateAnswers();
    const { ended, unknown } = await this.recheck(concerned);
    if (unknown === 0 && SESSION_EVENTS[event.name].isConfirmed)
      await this.presence.confirm(isList ? actOnIpList(event.list, event.version) : event, ended);
  }

  /** A bounded number at a time. Connections that are still being admitted check themselves. */
  async recheck(connections: readonly LiveConnection[]): Promise<RecheckResult> {
    const queue = connections.filter(({ isAdmitted }) => isAdmitted);
    let ended = 0;
    let unknown = 0;
    const work = async (): Promise<void> => {
      for (let next = queue.pop(); next; next = queue.pop()) {
        try {
          if (await next.recheck()) ended += 1;
        } catch {
          next.verification.fail();
          unknown += 1;
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, queue.length) }, work));
    return { ended, unknown };
  }

  /** Ends every connection: the server stops. */
  async close(): Promise<void> {
    for (const connection of this.all()) connection.end('going_away');
    await this.presence.close();
  }

  private concernedBy(event: UserEvent): LiveConnection[] | undefined {
    const scope = SESSION_EVENTS[event.name].ends;
    if (!scope) return undefined;
    return this.ofUser(event.userRef).filter(
      ({ sessionId }) => scope === 'user' || sessionId === event.sessionId,
    );
  }

  private dependingOn(list: string): LiveConnection[] {
    return this.all().filter(({ requirements }) => this.ip.namesOf(requirements.ip).includes(list));
  }
}
