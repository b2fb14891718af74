export * from '../../libs/session/dist/esm/passport/index.js';
