import { Injectable } from '@nestjs/common';
import { IpAllowlists, SessionError } from '@latchkey/session';
import { badRequest, Problem } from '../problem/problem.js';
import { ADMIN_LIST } from './admin-list.js';

const ATTEMPTS = 16;

interface IpListReplacement {
  readonly name: string;
  readonly cidrs: readonly string[];
  /** Even if it locks out who asks for it. */
  readonly isForced: boolean;
  /** Where they ask from. */
  readonly clientIp: string | undefined;
}

/** What admins do to lists of addresses. */
@Injectable()
export class IpListActs {
  constructor(private readonly lists: IpAllowlists) {}

  /**
   * Replaces a list, as one step with looking at what it replaces: whoever the list has shut out meanwhile, while this
   * request was under way, does not get to open it again.
   */
  async replace({
    name,
    cidrs,
    isForced,
    clientIp,
  }: IpListReplacement): Promise<{ before?: readonly string[] }> {
    const isGuarding = name === ADMIN_LIST;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const before = await this.lists.get(name);
      if (isGuarding && !(before && this.lists.holds(before, clientIp)))
        throw new SessionError('ip_not_allowed');
      try {
        await this.lists.set(name, cidrs, {
          ifVersion: before?.version ?? 'absent',
          ...(isGuarding && !isForced ? { keeps: clientIp } : {}),
        });
        return before ? { before: before.cidrs } : {};
      } catch (error) {
        if (!(error instanceof SessionError)) throw error;
        if (error.code === 'would_lock_out') throw lockOut(clientIp);
        if (error.code === 'bad_request') throw badRequest({ field: 'cidrs', message: error.message });
        if (error.code !== 'version_conflict') throw error;
      }
    }
    throw new Problem('conflict', 'Others are changing this list at the same time: try again');
  }
}

function lockOut(clientIp: string | undefined): Problem {
  return new Problem(
    'conflict',
    `Your own address, ${clientIp ?? 'which is not known'}, is not in this list. To lock yourself out all the same, add ?force=true`,
  );
}
