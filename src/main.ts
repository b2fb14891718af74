import 'reflect-metadata';

// Loading takes a moment: a signal that comes meanwhile ends the process at once, and as cleanly as later.
const leave = (): never => process.exit(0);
process.on('SIGTERM', leave).on('SIGINT', leave);
const { start } = await import('./start.js');
const starting = start(process.env);
process.off('SIGTERM', leave).off('SIGINT', leave);
await starting;
