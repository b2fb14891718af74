import { Injectable } from '@nestjs/common';
import { decorate } from './nest.mjs';

class EmptyGuard {
  canActivate() {
    return true;
  }
}
decorate(EmptyGuard, { decorators: [Injectable()] });

const login = () => ({ authorization: 'Bearer nobody-looks-at-this' });

export const builds = {
  none: () => ({ login }),
  'empty-guard': () => ({ guards: [EmptyGuard], login }),
};
