/** What the API says, as `docs-json` describes it. Times are ISO 8601. */
export interface Block {
  readonly reason: string;
  readonly until?: string;
}

export interface User {
  readonly id: string;
  readonly username: string;
  readonly roles: readonly string[];
  readonly status: 'active' | 'blocked';
  readonly block?: Block & { readonly by: string; readonly at: string };
  readonly email?: string;
  readonly stateLost?: true;
}

export interface Session {
  readonly id: string;
  readonly current: boolean;
  readonly device: { readonly name: string; readonly userAgent: string; readonly ip: string };
  readonly createdAt: string;
  readonly lastSeenAt: string;
  readonly expiresAt: string;
  readonly absoluteExpiresAt: string;
}

export interface Identity {
  readonly user: User;
  readonly session: Session;
}

export interface Post {
  readonly id: string;
  readonly author: { readonly id: string; readonly username: string };
  readonly text: string;
  readonly createdAt: string;
  readonly likes: number;
  readonly liked: boolean;
}

export interface Receipt {
  readonly sessions: number;
  readonly connectionsClosed: number;
  readonly nodes: { readonly confirmed: number; readonly expired: number };
  readonly ms: number;
}

export interface AuditEvent {
  readonly id: string;
  readonly at: string;
  readonly action: string;
  readonly outcome: string;
  readonly actor?: { readonly id: string; readonly username?: string };
  readonly target?: { readonly id: string; readonly username?: string };
  readonly ip?: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** From before these instants entries may be missing. */
export interface AuditLoss {
  readonly acts?: string;
  readonly routine?: string;
  readonly denials?: string;
}

export interface AuditPage {
  readonly events: readonly AuditEvent[];
  readonly next?: string;
  readonly droppedBefore?: AuditLoss;
}

export interface PolicyEntry {
  readonly kind: string;
  readonly method: string;
  readonly path: string;
  readonly message?: string;
  readonly access: string;
  readonly roles?: readonly (readonly string[])[];
  readonly fresh?: string;
  readonly allowExpired?: true;
  readonly passive?: true;
  readonly quotas?: readonly {
    readonly name: string;
    readonly quota: number;
    readonly windowMs: number;
    readonly by: string;
  }[];
  readonly ipAllowlists?: readonly unknown[];
}

export interface AppNode {
  readonly id: string;
  readonly name: string;
  readonly answering: boolean;
  readonly startedAt: string;
  readonly connections: number;
}

export interface ActivitySecond {
  readonly at: string;
  readonly permitted: number;
  readonly denied: Readonly<Record<string, number>>;
}

/** An error's body, RFC 9457. */
export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly block?: Block;
  readonly errors?: readonly { readonly field: string; readonly message: string }[];
}
