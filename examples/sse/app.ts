// News by Nest's own @Sse(): a stream ends with its session, and a client that connects again gets what it missed.
import {
  Body,
  Controller,
  Headers,
  Injectable,
  type INestApplication,
  type MessageEvent,
  Module,
  Post,
  Sse,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Roles, SessionModule } from '@latchkey/session';
import { concat, defer, from, map, type Observable, Subject } from 'rxjs';
import { LoginController } from '../login.controller.js';

@Injectable()
class News {
  private readonly all: string[] = [];
  private readonly added = new Subject<number>();

  add(text: string): number {
    const id = this.all.push(text);
    this.added.next(id);
    return id;
  }

  /** All that came after one of them, now and later. */
  after(lastId: number): Observable<MessageEvent> {
    const missed = defer(() => from(this.all.slice(lastId).map((_, i) => lastId + i + 1)));
    return concat(missed, this.added).pipe(
      map((id) => ({ id: String(id), type: 'news', data: { text: this.all[id - 1] }, retry: 1_000 })),
    );
  }
}

@Controller('news')
class NewsController {
  constructor(private readonly news: News) {}

  @Roles('editor')
  @Post()
  publish(@Body() body: { text?: unknown }): { id: number } {
    return { id: this.news.add(String(body?.text)) };
  }

  @Sse()
  stream(@Headers('last-event-id') lastEventId?: string): Observable<MessageEvent> {
    // A header like any other: it may say anything.
    const lastId = /^\d{1,9}$/.test(lastEventId ?? '') ? Number(lastEventId) : 0;
    return this.news.after(lastId);
  }
}

@Controller('auth')
class AuthController extends LoginController {}

@Module({
  imports: [SessionModule.forRoot({ guard: 'global', strict: true, allowMemoryInProduction: true })],
  controllers: [AuthController, NewsController],
  providers: [News],
})
export class AppModule {}

export async function start(port = 3000): Promise<INestApplication> {
  const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
  return app.listen(port, '127.0.0.1').then(() => app);
}
