import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';

/** OpenAPI: for people at `/docs`, for programs at `/docs-json`. */
export function useDocs(app: INestApplication): void {
  const config = new DocumentBuilder()
    .setTitle('Latchkey sample API')
    .setDescription('A small moderated micro-blog. Errors are application/problem+json with a stable `code`.')
    .setVersion('0.1.0')
    .addBearerAuth({ type: 'http', scheme: 'bearer' })
    .addCookieAuth('__Host-session')
    .build();
  SwaggerModule.setup('docs', app, () => SwaggerModule.createDocument(app, config), {
    jsonDocumentUrl: 'docs-json',
  });
}
