/**
 * The command line tool `latchkey` (`npx latchkey`), to be run from code.
 * @module @latchkey/session/cli
 */
export type { DoctorReport, Finding, FindingLevel } from './doctor/finding.js';
export { runLatchkey } from './run.js';
export type { ExitCode, Terminal } from './terminal.js';
