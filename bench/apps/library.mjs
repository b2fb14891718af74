// The library under test, as built from this repository.
export * from '../../libs/session/dist/esm/index.js';
