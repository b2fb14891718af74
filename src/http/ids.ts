import { type PipeTransform } from '@nestjs/common';
import { registerDecorator } from 'class-validator';
import { isSessionId } from '@latchkey/session/http';
import { badRequest, Problem } from '../problem/problem.js';

interface IdKind {
  readonly matches: (text: string) => boolean;
  /** What a field says that has something else. */
  readonly message: string;
  /** What a path says that names something else. */
  readonly missing: string;
}

/** How clients name things. Whatever does not look like it names nothing, and goes no further than this. */
const KINDS = {
  user: {
    matches: (text) => /^[A-Za-z0-9_-]{16}$/.test(text),
    message: "is a user's id",
    missing: 'There is no such user',
  },
  session: {
    matches: isSessionId,
    message: "is a session's id",
    missing: 'You have no such session',
  },
  post: {
    matches: (text) => /^[1-9]\d{0,14}$/.test(text),
    message: "is a post's id",
    missing: 'There is no such post',
  },
  event: {
    matches: (text) => /^(?!0+-0+$)\d{1,15}-\d{1,15}$/.test(text),
    message: "is an event's id",
    missing: 'There is no such event',
  },
  ipList: {
    matches: (text) => /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/.test(text),
    message: 'is 1–64 letters, digits and . _ : -',
    missing: 'There is no such list',
  },
} as const satisfies Record<string, IdKind>;

type IdName = keyof typeof KINDS;

/** Whether a value can be such an id at all. */
export function isId(kind: IdName, value: unknown): value is string {
  return typeof value === 'string' && KINDS[kind].matches(value);
}

/** A body's or a query's field that holds such an id. */
export function IsId(kind: IdName): PropertyDecorator {
  return (target, propertyName) =>
    registerDecorator({
      name: 'id',
      target: target.constructor,
      propertyName: propertyName as string,
      options: { message: KINDS[kind].message },
      validator: { validate: (value) => isId(kind, value) },
    });
}

/**
 * A path's parameter that names something: 404 for what cannot be the name of anything. Not beside a body, whose faults
 * are to be told first: there the handler's own look-up says so.
 */
export function existing(kind: IdName): PipeTransform {
  return {
    transform(value: unknown) {
      if (isId(kind, value)) return value;
      throw new Problem('not_found', KINDS[kind].missing);
    },
  };
}

/** A path's parameter that may name something new: 400 for what cannot be its name. */
export function newName(kind: IdName): PipeTransform {
  return {
    transform(value: unknown, { data = 'name' }) {
      if (isId(kind, value)) return value;
      throw badRequest({ field: data, message: KINDS[kind].message });
    },
  };
}
