// Nest in plain JavaScript: what the TypeScript compiler writes for decorators and constructor types.
import 'reflect-metadata';
import { Controller, Get, Inject, Module, Req, Res, UseGuards } from '@nestjs/common';

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
 * The routes that every configuration serves. `/me` answers from the request alone: `request.user.id` is what the guards
 * found; without guards there is nobody, and the answer is as long (better-auth makes longer IDs itself). `/login` is open,
 * and answers with the headers of that user's requests.
 */
export function makeController({ guards = [], decorators = [], login }, app) {
  class BenchController {
    me(request) {
      return { id: request.user?.id ?? 'user-0000' };
    }

    login(request, response) {
      return login(app(), request.query.user, { request, response });
    }
  }
  Res({ passthrough: true })(BenchController.prototype, 'login', 1);
  const guard = guards.length > 0 ? [UseGuards(...guards)] : [];
  for (const [method, own] of Object.entries({ me: [...decorators, ...guard], login: [] })) {
    Req()(BenchController.prototype, method, 0);
    const descriptor = Object.getOwnPropertyDescriptor(BenchController.prototype, method);
    Reflect.decorate([Get(method), ...own], BenchController.prototype, method, descriptor);
  }
  return decorate(BenchController, { decorators: [Controller()] });
}
