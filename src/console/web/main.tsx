import { render } from 'preact';
import { App } from './shell/app.js';
import { ask, forget, startOver } from './state/session.js';

const root = document.getElementById('app') as HTMLElement;

/** Draws everything anew and at once: what an earlier drawing held is gone. */
function draw(): void {
  render(null, root);
  render(<App />, root);
}

// The page holds something about a user only while it is shown: Back may bring it again as it was, without a request.
addEventListener('pagehide', () => {
  forget();
  draw();
});
addEventListener('pageshow', ({ persisted }) => {
  if (persisted) startOver();
});
draw();
void ask();
