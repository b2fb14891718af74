export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
}

/**
 * A client with an access and a refresh token, which knows no version: each of its requests goes to the next of the nodes
 * that are up.
 */
export class TokenClient {
  private turn = 0;
  tokens: Tokens = { accessToken: '', refreshToken: '' };

  constructor(public nodes: readonly string[]) {}

  async login(username: string): Promise<this> {
    const response = await this.post('/auth/login', { username, password: `${username}-password` });
    return this.keep(response);
  }

  async refresh(): Promise<this> {
    return this.keep(await this.post('/auth/refresh', { refreshToken: this.tokens.refreshToken }));
  }

  get(path: string, accessToken = this.tokens.accessToken): Promise<Response> {
    return fetch(this.next() + path, { headers: { authorization: `Bearer ${accessToken}` } });
  }

  post(path: string, body: object = {}): Promise<Response> {
    const { accessToken } = this.tokens;
    const headers = {
      'content-type': 'application/json',
      ...(accessToken ? { authorization: `Bearer ${accessToken}` } : {}),
    };
    return fetch(this.next() + path, { method: 'POST', headers, body: JSON.stringify(body) });
  }

  /** What each node says to a request, in their order. */
  async statuses(path: string): Promise<number[]> {
    this.turn = 0;
    const statuses: number[] = [];
    for (const _ of this.nodes) statuses.push((await this.get(path)).status);
    return statuses;
  }

  private async keep(response: Response): Promise<this> {
    if (response.status !== 200) throw new Error(`${response.url}: ${response.status}`);
    this.tokens = (await response.json()) as Tokens;
    return this;
  }

  private next(): string {
    return this.nodes[this.turn++ % this.nodes.length] as string;
  }
}
