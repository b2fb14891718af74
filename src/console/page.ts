/** What a browser sees at `/`: what this is, how to try it, and who is logged in, which `script.ts` fills in. */
export const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Latchkey sample</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem; }
pre { background: #f3f3f3; color: #111; padding: 1rem; white-space: pre-wrap; overflow-wrap: anywhere; }
</style>
<script type="module" src="console.js"></script>
</head>
<body>
<h1>Latchkey sample</h1>
<p>A small moderated micro-blog: people log in from several devices, post and like; moderators block; admins change
roles. This is its HTTP API.</p>
<section id="account"></section>
<ul>
<li><a href="docs">API documentation</a> (<a href="docs-json">OpenAPI as JSON</a>)</li>
<li><a href="health">Health</a></li>
</ul>
<p>Outside production the accounts <code>alice</code>, <code>bob</code>, <code>mia</code> (moderator) and
<code>root</code> (admin) exist. Each one's password is <code>correct-horse-NAME</code>.</p>
<pre>curl -s http://127.0.0.1:3000/auth/login -H 'Content-Type: application/json' \\
  -d '{"username":"alice","password":"correct-horse-alice","transport":"bearer","deviceName":"curl"}'
curl -s http://127.0.0.1:3000/sessions -H "Authorization: Bearer $TOKEN"</pre>
</body>
</html>
`;
