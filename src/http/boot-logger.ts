import { ConsoleLogger } from '@nestjs/common';
import { ACTS_CONTEXT } from '../audit/logged-audit.js';

type Line = readonly [message: unknown, ...rest: unknown[]];

/**
 * Holds warnings back until the app stands, and never prints what Nest says of a failed boot: whoever boots the app
 * says that, in one line, and then nothing else is to be seen.
 */
export class BootLogger extends ConsoleLogger {
  private held: Line[] | undefined = [];

  /** The app stands: prints what was held back. */
  release(): void {
    const held = this.held ?? [];
    this.held = undefined;
    for (const line of held) this.warn(...line);
  }

  /** Of what Nest says at this level, which is a line for each route, nothing is told. */
  override log(...line: Line): void {
    if (line.at(-1) === ACTS_CONTEXT) super.log(...(line as [unknown, string]));
  }

  override warn(...line: Line): void {
    if (this.held) this.held.push(line);
    else super.warn(...(line as [unknown, string]));
  }

  override error(...line: Line): void {
    if (line.at(-1) !== 'ExceptionHandler') super.error(...(line as [unknown, string]));
  }
}
