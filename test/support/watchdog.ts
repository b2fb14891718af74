import { spawn, type ChildProcess } from 'node:child_process';

// Reads `+PID` and `-PID` lines. Its stdin ends when this process is gone, however it went, SIGKILL included; an 'exit'
// handler would not run then, and Jest gives tests a copy of `process` whose 'exit' never comes.
const SCRIPT = `
pids=' '
while read -r line; do
  case $line in
    +*) pids="$pids\${line#+} " ;;
    -*) pids=$(printf %s "$pids" | sed "s/ \${line#-} / /") ;;
  esac
done
[ "$pids" = ' ' ] || kill -9 $pids 2>/dev/null
`;

let watchdog: ChildProcess | undefined;

/** Has a child process killed when this process ends before it, for whatever reason. */
export function killWithUs(child: ChildProcess): void {
  const pid = child.pid;
  if (pid === undefined) return; // it never started
  watchdog ??= startWatchdog();
  const tell = (line: string): void => void watchdog?.stdin?.write(`${line}\n`);
  tell(`+${pid}`);
  child.once('exit', () => tell(`-${pid}`));
}

function startWatchdog(): ChildProcess {
  // In a group of its own, so that Ctrl-C does not end it before it has done its work.
  const started = spawn('sh', ['-c', SCRIPT], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  started.unref();
  const stdin = started.stdin as unknown as { unref(): void; on(event: 'error', listener: () => void): void };
  stdin.unref();
  stdin.on('error', () => undefined);
  return started;
}
