import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { authenticatedSessionOf, SessionError, UserStateService } from '@latchkey/session';
import type { Request } from 'express';
import { isUserId } from '../users/account.js';
import { mayActOn } from './rank.js';

/**
 * Tells whoever ranks too low before anything about the body is told. `ActsService` enforces the rule; this only settles
 * which answer comes first.
 */
@Injectable()
export class RankGuard implements CanActivate {
  constructor(private readonly states: UserStateService) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<Request>();
    const actor = authenticatedSessionOf(request)?.user;
    const targetId = request.params['id'];
    if (!actor) throw new SessionError('forbidden');
    if (typeof targetId !== 'string' || !isUserId(targetId) || targetId === actor.id) return true;
    const target = await this.states.get(targetId);
    if (target && !mayActOn(actor.roles, target.roles)) throw new SessionError('forbidden');
    return true;
  }
}
