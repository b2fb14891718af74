// The SDK verifies a session's access token by itself. Its core, a service with a database, signs tokens and publishes the
// keys: here the keys come from this process, and so do tokens of the core's form.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Injectable, UnauthorizedException } from '@nestjs/common';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import supertokens from 'supertokens-node';
import Session from 'supertokens-node/recipe/session/index.js';
import { decorate } from './nest.mjs';

const KID = 'd-1';

class SuperTokensGuard {
  async canActivate(context) {
    const request = context.switchToHttp().getRequest();
    const token = request.headers.authorization?.slice('Bearer '.length);
    try {
      const session = await Session.getSessionWithoutRequestResponse(token, undefined, {
        antiCsrfCheck: false,
      });
      request.user = { id: session.getUserId() };
    } catch {
      throw new UnauthorizedException();
    }
    return true;
  }
}
decorate(SuperTokensGuard, { decorators: [Injectable()] });

async function build() {
  const { publicKey, privateKey } = await generateKeyPair('RS256');
  const keys = JSON.stringify({
    keys: [{ ...(await exportJWK(publicKey)), kid: KID, alg: 'RS256', use: 'sig' }],
  });
  const core = createServer((_request, response) => response.end(keys)).listen(0, '127.0.0.1');
  await once(core, 'listening');
  core.unref();
  supertokens.init({
    framework: 'custom',
    supertokens: { connectionURI: `http://127.0.0.1:${core.address().port}` },
    appInfo: { appName: 'bench', apiDomain: 'http://127.0.0.1', websiteDomain: 'http://127.0.0.1' },
    recipeList: [Session.init()],
  });
  const login = async (_app, id) => {
    const claims = { sessionHandle: id, refreshTokenHash1: 'a'.repeat(64), tId: 'public', rsub: id };
    const token = new SignJWT({ ...claims, parentRefreshTokenHash1: null, antiCsrfToken: null })
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT', version: '5', kid: KID })
      .setSubject(id)
      .setIssuedAt()
      .setExpirationTime('1d');
    return { authorization: `Bearer ${await token.sign(privateKey)}` };
  };
  return { guards: [SuperTokensGuard], login };
}

export const builds = { supertokens: build };
