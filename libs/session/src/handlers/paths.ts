import { RequestMethod, VERSION_NEUTRAL, VersioningType, type VersioningOptions } from '@nestjs/common';
import type { ApplicationConfig } from '@nestjs/core';

/** What the decorators and modules say of where one HTTP handler is served. */
export interface RouteParts {
  readonly requestMethod: RequestMethod;
  readonly modulePath: string | undefined;
  readonly controllerPaths: readonly string[];
  readonly handlerPaths: readonly string[];
  readonly controllerVersion: RouteVersion | undefined;
  readonly handlerVersion: RouteVersion | undefined;
}

type OneVersion = string | typeof VERSION_NEUTRAL;
export type RouteVersion = OneVersion | readonly OneVersion[];

/** Where a handler is served, once the app's prefix and versioning are known. */
export interface ServedAt {
  readonly paths: readonly string[];
  /** With versions that are not part of the path. */
  readonly versions?: readonly string[];
}

/** As Nest's router puts paths together; its own class for that is none of its public API. */
export function servedAt(parts: RouteParts, config: ApplicationConfig): ServedAt {
  const versioning = config.getVersioning();
  const versions = versioning ? versionsOf(parts, versioning) : [];
  const isInPath = versioning?.type === VersioningType.URI;
  const prefixes = isInPath && versions.length > 0 ? versions.map((one) => inPath(one, versioning)) : [''];
  const paths = prefixes.flatMap((prefix) =>
    parts.controllerPaths.flatMap((controllerPath) =>
      parts.handlerPaths.map((handlerPath) => {
        const unversioned = join(parts.modulePath, controllerPath, handlerPath);
        const isExcluded = isOutsideGlobalPrefix(unversioned, parts.requestMethod, config);
        return join(isExcluded ? '' : config.getGlobalPrefix(), prefix, unversioned) || '/';
      }),
    ),
  );
  return { paths, ...(isInPath || versions.length === 0 ? {} : { versions: versions.map(nameOf) }) };
}

function versionsOf(parts: RouteParts, { defaultVersion }: VersioningOptions): readonly OneVersion[] {
  const declared = parts.handlerVersion || (parts.controllerVersion ?? defaultVersion);
  if (!declared) return [];
  return typeof declared === 'object' ? declared : [declared];
}

function inPath(version: OneVersion, versioning: VersioningOptions): string {
  if (version === VERSION_NEUTRAL) return '';
  const prefix = versioning.type === VersioningType.URI ? (versioning.prefix ?? 'v') : '';
  return `/${prefix === false ? '' : prefix}${String(version)}`;
}

function nameOf(version: OneVersion): string {
  return version === VERSION_NEUTRAL ? 'neutral' : String(version);
}

/** Nest's router takes both for any method. */
const ANY_METHOD: readonly number[] = [RequestMethod.ALL, -1];

function isOutsideGlobalPrefix(path: string, method: RequestMethod, config: ApplicationConfig): boolean {
  const { exclude = [] } = config.getGlobalPrefixOptions();
  return exclude.some(
    ({ requestMethod, pathRegex }) =>
      [method, ...ANY_METHOD].includes(requestMethod) && pathRegex.test(path || '/'),
  );
}

/** One slash before each part, and none at the end. */
function join(...parts: readonly (string | undefined)[]): string {
  return parts.map((part) => (part === undefined ? '' : withSlash(part).replace(/\/$/, ''))).join('');
}

function withSlash(part: string): string {
  return part === '' || part.startsWith('/') || part.startsWith('{/') ? part : `/${part}`;
}
