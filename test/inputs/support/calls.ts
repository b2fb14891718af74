import { HOSTILE, KINDS, type Kind } from './hostile.js';

/** One parameter of a method, or one field of an options object. */
export interface Slot {
  /** As it is to be: made anew for each call. */
  readonly good: (world: World) => unknown;
  /** The kinds of hostile values that may be taken; every other must be refused before anything is done. */
  readonly takes?: readonly Kind[];
  /** Of an object: its fields, each tried like a parameter. */
  readonly fields?: Readonly<Record<string, Slot>>;
}

/** What the calls work upon. */
// eslint-disable-next-line typescript/no-explicit-any
export type World = any;

export interface Method {
  readonly slots: readonly Slot[];
  /** It answers at once, and so throws. All others answer with a promise, and never throw. */
  readonly isSync?: true;
  /** What it answers to a token that is none: a denial. */
  readonly denial?: string;
}

/** One call with one hostile value in it. */
export interface Trial {
  readonly place: string;
  readonly kind: Kind;
  readonly isTaken: boolean;
  readonly argumentsIn: (world: World) => unknown[];
}

/** Every hostile value at every parameter and at every field. */
export function trialsOf({ slots }: Method): Trial[] {
  return slots.flatMap((slot, i) => {
    const withArgument = (value: (world: World) => unknown) => (world: World) =>
      slots.map((other, j) => (i === j ? value(world) : other.good(world)));
    const ofWhole = KINDS.map((kind) => ({
      place: `parameter ${i}`,
      kind,
      isTaken: slot.takes?.includes(kind) ?? false,
      argumentsIn: withArgument(() => HOSTILE[kind]()),
    }));
    const ofFields = Object.entries(slot.fields ?? {}).flatMap(([field, inner]) =>
      KINDS.map((kind) => ({
        place: `parameter ${i}, ${field}`,
        kind,
        isTaken: inner.takes?.includes(kind) ?? false,
        argumentsIn: withArgument((world) => {
          const options = { ...(slot.good(world) as Record<string, unknown>) };
          const [outer = '', name] = field.split('.');
          if (name === undefined) return { ...options, [outer]: HOSTILE[kind]() };
          return { ...options, [outer]: { ...(options[outer] as object), [name]: HOSTILE[kind]() } };
        }),
      })),
    );
    return [...ofWhole, ...ofFields];
  });
}
