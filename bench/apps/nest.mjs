// Nest in plain JavaScript: what the TypeScript compiler writes for decorators and constructor types.
import 'reflect-metadata';
import { Controller, Get, Inject, Module, Req, UseGuards } from '@nestjs/common';

/** The injection key of the ioredis client that handlers read from. */
export const READER = 'READER';

/** Decorates a class; `inject` are the injection keys of its constructor. */
export function decorate(target, { decorators = [], inject = [] }) {
  inject.forEach((key, index) => Inject(key)(target, undefined, index));
  return Reflect.decorate(decorators, target);
}

/** An empty module class of its own, with what it imports and provides. */
export function makeModule(metadata) {
  const BenchModule = function () {}; // an empty class
  return decorate(BenchModule, { decorators: [Module(metadata)] });
}

/**
 * The routes that every configuration serves: `/me` answers from the request alone, `/me/read` reads a profile from
 * Redis first. `request.user.id` is what the guards found; without guards there is nobody, and the answer
 * is as long (better-auth makes longer IDs itself).
 */
export function makeController({ guards = [], decorators = [] }) {
  class BenchController {
    constructor(reader) {
      this.reader = reader;
    }

    me(request) {
      return { id: request.user?.id ?? 'user-0000' };
    }

    async read(request) {
      const id = request.user?.id ?? 'user-0000';
      return { id, profile: (await this.reader.get('profile')) ?? '' };
    }
  }
  const routes = { me: 'me', read: 'me/read' };
  for (const [method, path] of Object.entries(routes)) {
    Req()(BenchController.prototype, method, 0);
    const descriptor = Object.getOwnPropertyDescriptor(BenchController.prototype, method);
    const onMethod = [Get(path), ...decorators, ...(guards.length > 0 ? [UseGuards(...guards)] : [])];
    Reflect.decorate(onMethod, BenchController.prototype, method, descriptor);
  }
  return decorate(BenchController, { decorators: [Controller()], inject: [READER] });
}
