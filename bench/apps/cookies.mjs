/** The `Cookie` header that a browser sends back for what a response has set. */
export function cookiesOf(response) {
  if (!response.ok) throw new Error(`The login was answered with ${response.status}`);
  const cookies = response.headers.getSetCookie().map((cookie) => cookie.split(';')[0]);
  if (cookies.length === 0) throw new Error('The login set no cookie');
  return { cookie: cookies.join('; ') };
}
