import type { INestApplicationContext } from '@nestjs/common';
import { ApplicationConfig } from '@nestjs/core';
import { type ListedHandler, PolicyManifest } from '../manifest/policy-manifest.js';
import type { ModuleSettings } from '../options/settings.js';
import { templateOf } from './path-template.js';

/** One `SessionModule` of the app. */
export interface Realm {
  readonly settings: ModuleSettings;
  /** What the names of its security schemes end in: another one's tokens are others. */
  readonly suffix: string;
}

/** A handler that an operation of the document ends up in. */
export interface Served extends ListedHandler {
  /** The HTTP method of the operation, in capitals. */
  readonly method: string;
  readonly realm: Realm;
}

/** What is served, by the method in capitals and the path as OpenAPI writes it. */
type Places = Map<string, Served[]>;

export interface Handlers {
  readonly byPath: Places;
  /** By the path below the global prefix, which a document may leave to the address of its server. */
  readonly byRest: Places;
}

/** The handlers of HTTP of all `SessionModule`s, each of which lists its own. */
export function handlersOf(app: INestApplicationContext): Handlers {
  const handlers: Handlers = { byPath: new Map(), byRest: new Map() };
  const prefix = prefixOf(app.get(ApplicationConfig, { strict: false }));
  for (const [i, manifest] of app.get(PolicyManifest, { strict: false, each: true }).entries()) {
    const realm = { settings: manifest.settings, suffix: i === 0 ? '' : String(i + 1) };
    for (const listed of manifest.listed()) {
      const { kind, method, path } = listed.entry;
      if (kind !== 'http') continue;
      const [place, served] = [templateOf(path), { ...listed, method, realm }];
      add(handlers.byPath, `${method} ${place}`, served);
      if (prefix !== '' && place.startsWith(`${prefix}/`))
        add(handlers.byRest, `${method} ${place.slice(prefix.length)}`, served);
    }
  }
  return handlers;
}

function add(places: Places, key: string, served: Served): void {
  places.set(key, [...(places.get(key) ?? []), served]);
}

/** As the paths below it begin. */
function prefixOf(config: ApplicationConfig): string {
  const prefix = templateOf(config.getGlobalPrefix().replace(/\/+$/, ''));
  return prefix === '' || prefix.startsWith('/') ? prefix : `/${prefix}`;
}

/** What an operation ends up in: one of several versions or hosts, where these do not show in its path. */
export function servedBy({ byPath, byRest }: Handlers, method: string, path: string): readonly Served[] {
  const [exact, any] = [`${method} ${path}`, `ALL ${path}`];
  const found = byPath.get(exact) ?? byPath.get(any) ?? byRest.get(exact) ?? byRest.get(any) ?? [];
  return found.map((served) => ({ ...served, method }));
}
