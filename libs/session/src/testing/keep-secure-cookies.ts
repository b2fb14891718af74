/** A supertest agent, as far as it keeps cookies. @publicApi */
export interface CookieAgent {
  /** Where it keeps them. */
  readonly jar: { getCookies(access: never): { toValueString(): string } };
}

interface Jar {
  getCookies(access: object): readonly Cookie[] & { toValueString(): string };
}

interface Cookie {
  readonly value: string;
  toValueString(): string;
}

/**
 * Lets a supertest agent send `Secure` cookies over plain http, as browsers do to `localhost`: otherwise it drops the
 * session cookie, and a test that logs in goes on as nobody. Cookies that were taken back are not sent.
 * @returns the agent
 * @example
 * ```ts
 * const agent = keepSecureCookies(supertest.agent(app.getHttpServer()));
 * await agent.post('/auth/login').send({ username: 'ada', password: 'correct horse' });
 * await agent.get('/me').expect(200);
 * ```
 * @publicApi
 */
export function keepSecureCookies<Agent extends CookieAgent>(agent: Agent): Agent {
  const jar = agent.jar as unknown as Jar;
  const getCookies = jar.getCookies.bind(jar);
  jar.getCookies = (access) => {
    const kept: Cookie[] = [...getCookies(Object.assign(access, { secure: true }))].filter(
      ({ value }) => value !== '', // the jar knows no Max-Age=0
    );
    return Object.assign(kept, {
      toValueString: () => kept.map((cookie) => cookie.toValueString()).join('; '),
    });
  };
  return agent;
}
