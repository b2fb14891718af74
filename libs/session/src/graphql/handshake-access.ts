import type { ModuleRef } from '@nestjs/core';
import type { AccessReader } from '../guard/access-reader.js';
import { HandlerFinder } from '../handlers/handler-finder.js';
import type { Access } from '../rules/access.js';
import { admitsGuests } from '../rules/decide.js';

/** Whoever may ask for anything here, may connect: nobody and guests only where some operation is for them, too. */
export function handshakeAccess(modules: ModuleRef, reader: AccessReader): Access {
  const accesses = modules
    .get(HandlerFinder, { strict: false })
    .find()
    .filter(({ kind, method, class: resolver }) => {
      return kind === 'graphql' && method !== 'FIELD' && reader.owns(resolver);
    })
    .map(({ handler, class: resolver }) => reader.of(handler, resolver));
  const isForGuests = accesses.some(({ requirements }) => admitsGuests(requirements));
  return {
    mode: accesses.some(({ mode }) => mode !== 'guarded') ? 'optional' : 'guarded',
    requirements: isForGuests ? { ...reader.sessionOnly, allowGuests: true } : reader.sessionOnly,
    quotas: [],
  };
}
