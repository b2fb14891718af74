import type { ContextReader } from '../context-reader.js';
import { fail, isRecord, mustBe } from '../../rules/option-rules.js';

/** What Nest calls the contexts that are read without being told how. */
const BUILT_IN: ReadonlySet<string> = new Set(['http', 'ws', 'graphql', 'rpc']);

export function checkContexts(contexts: readonly ContextReader[]): readonly ContextReader[] {
  if (!Array.isArray(contexts)) mustBe('contexts', 'a list of { type, callOf }', contexts);
  const types = new Set(BUILT_IN);
  return Array.from(contexts as readonly unknown[], (context, i): ContextReader => {
    const option = `contexts[${i}]`;
    if (!isRecord(context)) mustBe(option, 'an object { type, callOf }', context);
    const { type, callOf } = context as { type?: unknown; callOf?: unknown };
    if (typeof type !== 'string' || type === '')
      mustBe(`${option}.type`, "what Nest's getType() calls the context", type);
    if (types.has(type)) fail(`${option}.type`, `is '${type}', which is read already`);
    if (typeof callOf !== 'function') mustBe(`${option}.callOf`, 'a function', callOf);
    types.add(type);
    return { type, callOf: callOf as ContextReader['callOf'] };
  });
}
