import type { JSX } from 'preact';
import { Notice } from '../parts/notice.js';
import { focusHeading } from '../parts/page.js';
import { describe } from '../parts/work.js';
import { AccountScreen } from '../screens/account/account.js';
import { AccessScreen } from '../screens/admin/access.js';
import { ActivityScreen } from '../screens/admin/activity.js';
import { ListsScreen } from '../screens/admin/lists.js';
import { AuditScreen } from '../screens/moderation/audit.js';
import { UsersScreen } from '../screens/moderation/users.js';
import { DevicesScreen } from '../screens/devices.js';
import { TimelineScreen } from '../screens/timeline.js';
import { Welcome } from '../screens/welcome.js';
import { maySee, type Screen, useScreen } from '../state/route.js';
import { useStore } from '../state/store.js';
import { text } from '../text.js';
import { ExpiryWarning } from './expiry.js';
import { Brand, Header } from './header.js';
import { Navigation } from './navigation.js';
import { ProofDialog } from './proof.js';

const VIEWS: Readonly<Record<Screen, () => JSX.Element>> = {
  timeline: TimelineScreen,
  devices: DevicesScreen,
  account: AccountScreen,
  users: UsersScreen,
  audit: AuditScreen,
  lists: ListsScreen,
  access: AccessScreen,
  activity: ActivityScreen,
};

export function App(): JSX.Element {
  const phase = useStore((state) => state.phase);
  const owner = useStore((state) => state.me?.user.id);
  // What a screen holds is one person's.
  if (phase === 'in') return <SignedIn key={owner} />;
  return (
    <div class="outside">
      <header class="top">
        <Brand />
      </header>
      <main>{phase === 'out' ? <Welcome /> : <Waiting />}</main>
    </div>
  );
}

function Waiting(): JSX.Element {
  const problem = useStore((state) => state.ending);
  if (!problem) return <p class="waiting muted">{text.loading}</p>;
  return (
    <div class="waiting">
      <Notice kind="warn">{problem.status === 0 ? text.unreachable : describe(problem)}</Notice>
    </div>
  );
}

function SignedIn(): JSX.Element {
  const roles = useStore((state) => state.me?.user.roles) ?? [];
  const isProving = useStore((state) => state.isProving);
  const wanted = useScreen();
  const screen = maySee(wanted, roles) ? wanted : 'timeline';
  const View = VIEWS[screen];
  return (
    <div class="inside">
      <a class="skip" href="#content" onClick={skip}>
        {text.skip}
      </a>
      <Header />
      <Navigation screen={screen} roles={roles} />
      <main id="content">
        <ExpiryWarning />
        <View key={screen} />
      </main>
      {isProving && <ProofDialog />}
    </div>
  );
}

/** The address names the screen, so that no fragment can. */
function skip(event: Event): void {
  event.preventDefault();
  focusHeading();
}
