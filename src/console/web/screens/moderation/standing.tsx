import type { JSX } from 'preact';
import type { User } from '../../state/types.js';
import { text } from '../../text.js';

/** What a user is: their roles, and whether they are blocked. */
export function Standing({ user }: { readonly user: User }): JSX.Element {
  return (
    <span class="badges">
      {user.roles.map((role) => (
        <span key={role} class={`badge role-${role}`}>
          {text.roles[role] ?? role}
        </span>
      ))}
      {user.status === 'blocked' && <span class="badge bad">{text.users.status.blocked}</span>}
    </span>
  );
}
