// An API for a single-page app on another origin of the same site: https://app.example and https://api.app.example.
import { Body, Controller, Get, type INestApplication, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { CurrentUser, SessionModule, type UserState } from '@latchkey/session';
import { LoginController } from '../login.controller.js';

@Controller('auth')
class AuthController extends LoginController {}

@Controller('notes')
class NotesController {
  private readonly notes = new Map<string, string[]>();

  @Get()
  list(@CurrentUser() { id }: UserState): string[] {
    return this.notes.get(id) ?? [];
  }

  @Post()
  add(@CurrentUser() { id }: UserState, @Body() body: { text?: unknown }): string[] {
    const notes = [...(this.notes.get(id) ?? []), String(body?.text)];
    this.notes.set(id, notes);
    return notes;
  }
}

/** @param pages where the single-page app is served: exact origins */
export function appModule(pages: readonly string[]) {
  @Module({
    imports: [
      SessionModule.forRoot({
        guard: 'global',
        strict: true,
        transports: ['cookie'],
        allowedOrigins: pages,
        allowMemoryInProduction: true,
      }),
    ],
    controllers: [AuthController, NotesController],
  })
  class AppModule {}
  return AppModule;
}

export async function start(port = 3000, pages = ['http://localhost:5173']): Promise<INestApplication> {
  const app = await NestFactory.create(appModule(pages), { logger: ['error', 'warn'] });
  // The same list: the boot says where the two disagree.
  app.enableCors({ origin: pages, credentials: true, allowedHeaders: ['Content-Type'] });
  return app.listen(port, '127.0.0.1').then(() => app);
}
