import { Inject, Injectable } from '@nestjs/common';
import { ApplicationConfig } from '@nestjs/core';
import type { IpListRef } from '../model/ip-list.js';
import type { UserQuota } from '../model/quota.js';
import type { AssuranceLevel } from '../model/session.js';
import { SESSION_SETTINGS } from '../options/injection-keys.js';
import type { ModuleSettings } from '../options/settings.js';
import type { Access } from '../rules/access.js';
import type { JsonValue } from '../model/session-data.js';
import { demands } from './access-check-rules.js';
import { AccessReader } from '../guard/access-reader.js';
import { declaredAccessOf } from '../guard/decorators/declarations.js';
import { guardsOf, type GuardsThere } from './guards.js';
import { HandlerFinder } from '../handlers/handler-finder.js';
import type { Handler } from '../handlers/handler.js';
import { isGrpcStream, isSse } from '../handlers/methods.js';
import { durationText, toPlain, type Plain } from './text.js';
import type { QuotaRule } from '../rules/quota-rule.js';

/** What it takes to reach one handler at one path: plain JSON, without what does not apply. @publicApi */
export interface PolicyEntry {
  /** The transport: `http`, `websocket`, `graphql` or `rpc`. */
  readonly kind: Handler['kind'];
  /**
   * The HTTP method or `ALL`; `CONNECT` (the handshake) or `MESSAGE` of a WebSocket; `QUERY`, `MUTATION`, `SUBSCRIPTION` or
   * `FIELD` of GraphQL, `REFERENCE` of a federation; `MESSAGE` or `EVENT` of a microservice (`rpc`).
   */
  readonly method: string;
  /**
   * With the global prefix, the version, and the paths of module and controller; the gateway's; the GraphQL field; the
   * microservice's pattern.
   */
  readonly path: string;
  /** The event that a WebSocket handler is for. */
  readonly message?: string;
  /** The host that the controller is for. */
  readonly host?: string | readonly string[];
  /** With versions that are not part of the path; `neutral` for any. */
  readonly versions?: readonly string[];
  /** `Controller.method`. */
  readonly handler: string;
  /**
   * `unguarded`: neither `@Public()` nor behind anything that enforces it, so that nothing of ours stands in the way.
   * `refused`: behind a `SessionGuard` that does not serve the transport, and so lets nobody in.
   */
  readonly access: 'public' | 'optional' | 'guarded' | 'service' | 'refused' | 'unguarded';
  /** With `service`: what the service token must allow, all of them. */
  readonly scopes?: readonly string[];
  /** The user has a role of each group: `@Roles` is one, and each of `@Permissions` makes one of the roles that bring it. */
  readonly roles?: readonly (readonly string[])[];
  /** As declared. */
  readonly permissions?: readonly string[];
  /** How long ago the person proved who they are at most, such as `10m`. */
  readonly fresh?: string;
  /** The assurance level that the session must have at least. */
  readonly assurance?: AssuranceLevel;
  /** A session that timed out is good enough. */
  readonly allowExpired?: true;
  /** Guests come in, too: sessions before login. */
  readonly guests?: true;
  /** A request is no activity: the inactivity timeout goes on. */
  readonly passive?: true;
  /** Redis answers, and not the near cache. */
  readonly freshState?: true;
  /** Nest's own `@Sse()`, gRPC's streams of requests: the stream ends when the session no longer meets this entry. */
  readonly endsWithSession?: true;
  /** Quotas of the handler and its class. */
  readonly quotas?: readonly JsonValue[];
  /** While storage is away, the quotas are counted in each process. Absent: requests are refused then. */
  readonly onStoreFailure?: 'local-quota';
  /** Lists of addresses, each by its name or as its ranges; the client IP is in every one of the former and in none of the latter. */
  readonly ipAllowlists?: readonly JsonValue[];
  readonly ipDenylists?: readonly JsonValue[];
  /** Lists that hold for whoever has the role. */
  readonly ipAllowlistsOfRoles?: Readonly<Record<string, JsonValue>>;
  /** The names of guards that are not ours, in the order in which they run. */
  readonly otherGuards?: readonly string[];
}

/** An entry, and what only the guards before the handler tell. */
export interface ListedHandler {
  readonly entry: PolicyEntry;
  /** A guard of ours stands there, also before a public handler. */
  readonly isEnforced: boolean;
}

/**
 * Every handler of HTTP, WebSocket, GraphQL and microservices with its effective access. Checked in, it shows in review
 * what a change opens or closes. What is served by something else than a handler, such as middleware or a static folder,
 * is not in it; with several `SessionModule`s in an app, neither are the handlers that another one's guard decides on.
 * @example
 * ```ts
 * await app.init();
 * writeFileSync('policy.manifest.json', app.get(PolicyManifest).toText());
 * ```
 * @publicApi
 */
@Injectable()
export class PolicyManifest {
  /** @internal */
  constructor(
    private readonly handlers: HandlerFinder,
    private readonly accesses: AccessReader,
    private readonly config: ApplicationConfig,
    @Inject(SESSION_SETTINGS) private readonly moduleSettings: ModuleSettings,
  ) {}

  /** The options of the `SessionModule` whose handlers these are. @internal */
  get settings(): ModuleSettings {
    return this.moduleSettings;
  }

  /**
   * The entries in a stable order: kind, path, method, handler. Call it once the app is initialised: until then the
   * global prefix, versions, global guards and the WebSocket adapter may not be known. In a hybrid app, global guards are not
   * counted for microservices: whether they reach those depends on `inheritAppConfig`, which nobody can look up.
   * @throws SessionConfigurationError when the decorators on a handler contradict each other
   */
  list(): PolicyEntry[] {
    return this.listed().map(({ entry }) => entry);
  }

  /** The entries as `list` gives them, each with what it does not say. @internal */
  listed(): ListedHandler[] {
    // A field that demands nothing is reached by operations only, which are listed.
    const found = this.handlers
      .find()
      .filter((one) => this.accesses.isMine(one.handler, one.class))
      .filter((one) => one.method !== 'FIELD' || demands(one, this.accesses.of(one.handler, one.class).mode));
    const listed = found.flatMap((handler) => this.entriesOf(handler));
    // A controller of two modules is served twice at the same path, and is one entry.
    const byKey = new Map(listed.map((one) => [JSON.stringify(sortKey(one.entry)), one]));
    return [...byKey.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
  }

  /** The entries as JSON with one on each line, for a file whose diff is read. */
  toText(): string {
    // Within strings JSON escapes line breaks, so these are the serialiser's own.
    const lines = this.list().map((entry) => JSON.stringify(entry, null, 1).replace(/\n\s*/g, ' '));
    return `[\n${lines.map((line) => `  ${line}`).join(',\n')}\n]\n`;
  }

  private entriesOf(found: Handler): ListedHandler[] {
    const { kind, method, paths, message, host, versions, name } = found;
    const guards = guardsOf(found, this.config, this.settings);
    const access = this.accessOf(found, guards);
    return paths.map((path) => ({
      isEnforced: guards.areEnforcing,
      entry: {
        kind,
        method,
        path,
        ...(message === undefined ? {} : { message }),
        ...(host === undefined ? {} : { host }),
        ...(versions === undefined ? {} : { versions }),
        handler: name,
        ...access,
      },
    }));
  }

  private accessOf(
    found: Handler,
    { areEnforcing, areForServices, isRefused, others }: GuardsThere,
  ): Pick<PolicyEntry, 'access'> & Partial<PolicyEntry> {
    const access = this.accesses.of(found.handler, found.class);
    const isBound = areEnforcing && (access.mode === 'guarded' || access.mode === 'optional');
    const isOpen = access.mode === 'service' ? !areForServices : access.mode !== 'public' && !areEnforcing;
    return {
      access: isOpen ? (isRefused ? 'refused' : 'unguarded') : access.mode,
      ...(access.mode === 'service' && !isOpen ? { scopes: scopesOf(found) } : {}),
      // Where no guard of ours stands, nothing enforces the rest, and it would only look as if.
      ...(areEnforcing ? requirementsOf(found, access) : {}),
      ...(isBound ? this.ofRoles() : {}),
      ...(isBound && (isSse(found.handler) || isGrpcStream(found.handler)) ? { endsWithSession: true } : {}),
      ...(others.length === 0 ? {} : { otherGuards: others }),
    };
  }

  private ofRoles(): Partial<PolicyEntry> {
    const { roles } = this.settings.ipPolicy;
    if (roles.length === 0) return {};
    return {
      ipAllowlistsOfRoles: Object.fromEntries(roles.map(([role, list]) => [role, listToPlain(list)])),
    };
  }
}

function scopesOf(found: Handler): readonly string[] {
  return declaredAccessOf(found.handler).scopes ?? declaredAccessOf(found.class).scopes ?? [];
}

function requirementsOf(found: Handler, access: Access): Partial<PolicyEntry> {
  const { roleGroups, maxAuthenticationAgeMs, assurance, allowExpired, allowGuests, passive, freshState } =
    access.requirements;
  const permissions =
    access.mode === 'guarded'
      ? (declaredAccessOf(found.handler).permissions ?? declaredAccessOf(found.class).permissions)
      : undefined;
  return {
    ...(roleGroups.length === 0 ? {} : { roles: roleGroups }),
    ...(permissions === undefined ? {} : { permissions }),
    ...(maxAuthenticationAgeMs === undefined ? {} : { fresh: durationText(maxAuthenticationAgeMs) }),
    ...(assurance === undefined ? {} : { assurance }),
    ...(allowExpired === true ? { allowExpired } : {}),
    ...(allowGuests === true ? { guests: true } : {}),
    ...(passive === true ? { passive } : {}),
    ...(freshState === true ? { freshState } : {}),
    ...limitsOf(access),
    ...(access.countsLocally && access.quotas.length > 0 ? { onStoreFailure: 'local-quota' } : {}),
  };
}

/** Quotas and lists of addresses; they hold on public handlers too. */
function limitsOf({ requirements, quotas }: Access): Partial<PolicyEntry> {
  const all = [...(requirements.quotas ?? []), ...quotas];
  const { allow = [], deny = [] } = requirements.ip ?? {};
  return {
    ...(all.length === 0 ? {} : { quotas: all.map(quotaToPlain) }),
    ...(allow.length === 0 ? {} : { ipAllowlists: allow.map(listToPlain) }),
    ...(deny.length === 0 ? {} : { ipDenylists: deny.map(listToPlain) }),
  };
}

function listToPlain(list: IpListRef): Plain {
  return typeof list === 'string' ? list : list.cidrs;
}

/** All quotas alike, wherever they are counted. */
function quotaToPlain(quota: UserQuota | QuotaRule): Plain {
  if (!('policy' in quota)) return toPlain(quota);
  return toPlain({ ...quota.policy, by: quota.by });
}

function sortKey({ kind, path, method, message, handler, host, versions, access }: PolicyEntry): unknown[] {
  return [kind, path, method, message ?? '', handler, host ?? '', versions ?? '', access];
}
