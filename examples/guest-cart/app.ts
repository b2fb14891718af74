// A cart before login: a guest has a session without a user, and a login takes its cart over.
import {
  BadRequestException,
  Body,
  ConflictException,
  Controller,
  Get,
  type INestApplication,
  Module,
  Post,
  Req,
  Res,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  AllowGuests,
  type CreateSessionOptions,
  CurrentSession,
  CurrentUser,
  type HttpRequest,
  type HttpResponse,
  OptionalSession,
  type Session,
  SessionData,
  SessionModule,
  SessionService,
  SessionTransport,
  type UserState,
} from '@latchkey/session';
import { LoginController } from '../login.controller.js';

interface Cart {
  items: string[];
}

@Controller('auth')
class AuthController extends LoginController {
  protected override optionsFor(request: HttpRequest): CreateSessionOptions {
    return {
      from: this.transport.readToken(request), // of a guest: its cart goes over, and its token dies
      merge: (guest) => ({ items: guest['items'] ?? [] }), // by name, and nothing else
    };
  }
}

@Controller('cart')
class CartController {
  constructor(
    private readonly sessions: SessionService,
    private readonly transport: SessionTransport,
  ) {}

  /** For the first item: a guest begins when there is something to keep. */
  @OptionalSession()
  @Post()
  async begin(
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: HttpResponse,
    @Body() body: { item?: unknown },
    @CurrentUser() user?: UserState,
  ): Promise<Cart> {
    this.transport.assertSameOrigin(request); // as a login: it sets a cookie
    if (user) throw new ConflictException(); // whose cookie would be replaced
    const data = { items: [itemOf(body)] };
    const guest = await this.sessions.createGuest({ clientIp: this.transport.clientIp(request), data });
    this.transport.setCookie(request, response, guest);
    return data;
  }

  @AllowGuests()
  @Post('items')
  async add(@CurrentSession() session: Session, @Body() body: { item?: unknown }): Promise<Cart> {
    const cart = this.sessions.data<Cart>(session);
    const { data, version } = await cart.read();
    const items = [...(data.items ?? []), itemOf(body)];
    await cart.set('items', items, { ifVersion: version }); // another tab was first: 409
    return { items };
  }

  @AllowGuests()
  @Get()
  show(@SessionData('items') items: string[] = []): Cart {
    return { items };
  }

  @Post('order')
  order(@CurrentUser() { id }: UserState, @SessionData('items') items: string[] = []) {
    return { by: id, items };
  }
}

function itemOf(body: { item?: unknown } | undefined): string {
  if (typeof body?.item !== 'string' || body.item.length > 100) throw new BadRequestException();
  return body.item;
}

@Module({
  imports: [
    SessionModule.forRoot({ guard: 'global', strict: true, guests: true, allowMemoryInProduction: true }),
  ],
  controllers: [AuthController, CartController],
})
export class AppModule {}

export async function start(port = 3000): Promise<INestApplication> {
  const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
  return app.listen(port, '127.0.0.1').then(() => app);
}
