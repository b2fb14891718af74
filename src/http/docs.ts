import type { INestApplication } from '@nestjs/common';
import { documentSessions } from '@latchkey/session/swagger';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import type { AppConfig } from '../config/app-config.js';

/** Routes that answer 404 by configuration: whoever reads the document has no use for them. */
const OFF: readonly (readonly [route: RegExp, isOff: (config: AppConfig) => boolean])[] = [
  [/^\/auth\/refresh$/, ({ refresh }) => !refresh],
  // Production has nothing to send messages with.
  [/^\/auth\/(password-reset|email-proof)(\/|$)/, ({ production }) => production],
];

/** OpenAPI: for people at `/docs`, for programs at `/docs-json`. */
export function useDocs(app: INestApplication, config: AppConfig): void {
  const base = new DocumentBuilder()
    .setTitle('Latchkey sample API')
    .setDescription('A small moderated micro-blog. Errors are application/problem+json with a stable `code`.')
    .setVersion('0.1.0')
    .setLicense('MIT', 'https://spdx.org/licenses/MIT.html')
    .addServer('/')
    .build();
  SwaggerModule.setup('docs', app, () => documentOf(app, base, config), { jsonDocumentUrl: 'docs-json' });
}

function documentOf(
  app: INestApplication,
  base: Omit<OpenAPIObject, 'paths'>,
  config: AppConfig,
): OpenAPIObject {
  const document = SwaggerModule.createDocument(app, base);
  const paths = Object.entries(document.paths).filter(
    ([path]) => !OFF.some(([route, isOff]) => route.test(path) && isOff(config)),
  );
  const served = withoutUnused({ ...document, paths: Object.fromEntries(paths) });
  const documented = documentSessions(app, served);
  for (const item of Object.values(documented.paths)) {
    for (const operation of [item.get, item.post, item.put, item.patch, item.delete])
      if (operation) operation.responses['400'] ??= BAD_REQUEST;
  }
  // Of the library's own controller, which knows nothing of documents.
  const jwks = documented.paths['/.well-known/jwks.json']?.get;
  if (jwks) jwks.summary = 'The public keys of the access tokens; none for opaque ones';
  return documented;
}

/** Without the schemas that only routes which are off refer to. */
function withoutUnused(document: OpenAPIObject): OpenAPIObject {
  const text = JSON.stringify(document);
  const schemas = Object.entries(document.components?.schemas ?? {}).filter(([name]) =>
    text.includes(`"#/components/schemas/${name}"`),
  );
  return { ...document, components: { ...document.components, schemas: Object.fromEntries(schemas) } };
}

/** Any request may carry two credentials, or a body that does not validate. */
const BAD_REQUEST = {
  description: '`ambiguous_credentials` or `bad_request`, the latter with the fields to blame in `errors`',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/SessionProblem' } } },
};
