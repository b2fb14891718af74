import type { Lifetime } from './model/session.js';
import type { UserDirectory } from './model/user-state.js';
import type { RolePermissions } from './policy/roles.js';
import type { RepositorySettings } from './repository/session-repository.js';

/** The module's options, checked and with every default filled in. */
export interface SessionSettings extends RepositorySettings {
  readonly lifetime: Lifetime;
  readonly rememberMeLifetime: Lifetime;
  readonly permissions: RolePermissions;
  readonly userDirectory?: UserDirectory;
  readonly guardGlobally: boolean;
  readonly transport: TransportSettings;
}

/** How tokens travel and whom we believe about where a request comes from. */
export interface TransportSettings {
  readonly cookieEnabled: boolean;
  readonly bearerEnabled: boolean;
  readonly cookieName: string;
  readonly sameSite: 'lax' | 'strict';
  readonly publicOrigin?: string;
  readonly trustProxy?: number | readonly string[];
  readonly forwardedHeader: string;
}
