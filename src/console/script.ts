/**
 * The page's own script, a file of its own because of the Content-Security-Policy. The page holds something about a user
 * only while it is shown and its session lives: it empties itself when it is left, since Back may bring it again as it
 * was, without a request; and it asks anew when it comes back, and when the server ends its stream.
 */
export const SCRIPT = `const place = document.getElementById('account');
const RETRY_MS = 5000;
let turn = 0;
let stream;
let retry;

function element(tag, content, attributes = {}) {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...[content].flat());
  return made;
}

function forget() {
  turn += 1; // an answer that is still on its way is not shown any more
  clearTimeout(retry);
  stream?.close();
  stream = undefined;
  place.replaceChildren();
}

async function ask() {
  forget();
  const asked = turn;
  try {
    const [me, list] = await Promise.all([fetch('auth/me'), fetch('sessions')]);
    const [account, { sessions = [] }] = await Promise.all([me.json(), list.json()]);
    if (asked !== turn) return;
    if (me.ok && list.ok) {
      showAccount(account.user, sessions);
      listen();
    } else if (me.status >= 500 || me.status === 429) {
      place.replaceChildren(element('p', account.detail));
      askLater();
    } else showLogin(account.code === 'session_missing' ? '' : account.detail);
  } catch {
    if (asked !== turn) return;
    place.replaceChildren(element('p', 'The server cannot be reached.'));
    askLater();
  }
}

function askLater() {
  retry = setTimeout(ask, RETRY_MS);
}

function listen() {
  const own = new EventSource('events');
  stream = own;
  own.addEventListener('session-ended', ask);
  // Only a refusal closes it for good; after a lost connection the browser tries again by itself.
  own.addEventListener('error', () => {
    if (own === stream && own.readyState === EventSource.CLOSED) askLater();
  });
}

function showAccount({ username, roles }, sessions) {
  const devices = sessions.map(({ device, current }) =>
    element('li', [device.name, device.userAgent, device.ip, current ? 'this one' : ''].filter(Boolean).join(', ')),
  );
  place.replaceChildren(
    element('h2', username),
    element('p', 'Roles: ' + roles.join(', ') + '. Devices:'),
    element('ul', devices),
    element('button', 'Log out', { type: 'button', id: 'logout', onclick: logOut }),
  );
}

async function logOut() {
  forget();
  await fetch('auth/logout', { method: 'POST' }).catch(() => undefined);
  await ask();
}

function showLogin(reason) {
  const username = element('input', [], { name: 'username', autocomplete: 'username', required: true });
  const password = element('input', [], {
    name: 'password',
    type: 'password',
    autocomplete: 'current-password',
    required: true,
  });
  const said = element('p', reason, { id: 'said', role: 'status' });
  const form = element('form', [
    said,
    element('label', ['User name ', username]),
    element('label', [' Password ', password]),
    element('button', 'Log in', { id: 'login' }),
  ]);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void logIn({ username: username.value, password: password.value }, said);
  });
  place.replaceChildren(form);
}

async function logIn(credentials, said) {
  try {
    const reply = await fetch('auth/login', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(credentials),
    });
    if (reply.ok) await ask();
    else said.textContent = (await reply.json()).detail;
  } catch {
    said.textContent = 'The server cannot be reached.';
  }
}

addEventListener('pagehide', forget);
addEventListener('pageshow', (event) => {
  if (event.persisted) void ask();
});
void ask();
`;
