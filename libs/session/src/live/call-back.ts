import { Logger } from '@nestjs/common';

/**
 * Calls something of the app's from where it has no caller of its own who could catch what it throws: in a socket's event,
 * that would end the process, and in the midst of an act, it would keep others from being told. It is logged instead.
 */
export function callBack(callback: () => unknown): void {
  try {
    // What an async function rejects with ends the process, too.
    Promise.resolve(callback()).catch(log);
  } catch (error) {
    log(error);
  }
}

function log(error: unknown): void {
  new Logger('SessionModule').error(error);
}
