import { Injectable } from '@nestjs/common';
import { decorate } from './nest.mjs';
import { userIds } from './users.mjs';

const anybody = (count) => userIds(count).map(() => ({ authorization: 'Bearer nobody-looks-at-this' }));

class EmptyGuard {
  canActivate() {
    return true;
  }
}
decorate(EmptyGuard, { decorators: [Injectable()] });

export const builds = {
  none: () => ({ credentials: (_app, { count }) => anybody(count) }),
  'empty-guard': () => ({ guards: [EmptyGuard], credentials: (_app, { count }) => anybody(count) }),
};
