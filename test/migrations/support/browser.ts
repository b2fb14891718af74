/**
 * A client with a cookie jar, which knows no version: each of its requests goes to the next of the nodes that are up. Tabs
 * share the jar.
 */
export class Browser {
  private turn = 0;
  readonly jar = new Map<string, string>();

  constructor(public nodes: readonly string[]) {}

  async login(username: string): Promise<this> {
    const response = await this.post('/auth/login', { username, password: `${username}-password` });
    if (response.status !== 200) throw new Error(`${response.url}: ${response.status}`);
    return this;
  }

  get(path: string): Promise<Response> {
    return this.send(path, {});
  }

  post(path: string, body: object = {}, headers: Record<string, string> = {}): Promise<Response> {
    const json = { 'content-type': 'application/json', ...headers };
    return this.send(path, { method: 'POST', headers: json, body: JSON.stringify(body) });
  }

  async json(path: string): Promise<unknown> {
    const response = await this.get(path);
    if (response.status !== 200) throw new Error(`${response.url}: ${response.status}`);
    return response.json();
  }

  /** What each node says to a request, in their order. */
  async statuses(path: string): Promise<number[]> {
    this.turn = 0;
    const statuses: number[] = [];
    for (const _ of this.nodes) statuses.push((await this.get(path)).status);
    return statuses;
  }

  /** Another browser with the same cookies, as of somebody who has copied them. */
  copy(nodes = this.nodes): Browser {
    const copy = new Browser(nodes);
    for (const [name, value] of this.jar) copy.jar.set(name, value);
    return copy;
  }

  private async send(path: string, init: RequestInit & { headers?: Record<string, string> }) {
    const node = this.nodes[this.turn++ % this.nodes.length] as string;
    const cookie = [...this.jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(node + path, { ...init, headers: { ...init.headers, cookie } });
    for (const header of response.headers.getSetCookie()) this.keep(header);
    return response;
  }

  private keep(header: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(header) ?? [];
    const expires = /expires=([^;]+)/i.exec(header)?.[1];
    const isOver = /max-age=0\b/i.test(header) || (expires !== undefined && Date.parse(expires) < Date.now());
    if (isOver) this.jar.delete(name);
    else this.jar.set(name, value);
  }
}
