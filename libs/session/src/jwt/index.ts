export { JwksController } from './jwks.controller.js';
