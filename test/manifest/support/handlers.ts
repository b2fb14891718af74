import {
  All,
  Controller,
  Get,
  Injectable,
  Module,
  Post,
  Scope,
  SetMetadata,
  Sse,
  UseGuards,
  Version,
  VERSION_NEUTRAL,
  type CanActivate,
} from '@nestjs/common';
import {
  AllowExpired,
  Assurance,
  EnforcesAccess,
  Fresh,
  OptionalSession,
  Permissions,
  Public,
  RateLimit,
  Roles,
  SessionGuard,
} from '@latchkey/session';
import { NEVER } from 'rxjs';

/** What is not ours, and lets everybody in. */
@Injectable()
export class OfficeHours implements CanActivate {
  canActivate(): boolean {
    return true;
  }
}

@Injectable()
export class StricterGuard extends SessionGuard {}

@Injectable({ scope: Scope.REQUEST })
export class GuardOfEachRequest extends SessionGuard {}

@Controller('plain')
export class Plain {
  @Get()
  read() {}

  @Public()
  @Get('open')
  open() {}

  @OptionalSession()
  @Get('optional')
  optional() {}

  /** No decorator of a route: no handler. */
  helper() {}
}

@UseGuards(SessionGuard)
@Controller('class')
export class GuardedClass {
  @Get()
  read() {}

  @Public()
  @Get('open')
  open() {}

  @OptionalSession()
  @Get('optional')
  optional() {}
}

@Controller('handler')
export class GuardedHandler {
  @UseGuards(OfficeHours, SessionGuard)
  @Get('guarded')
  guarded() {}

  @UseGuards(OfficeHours)
  @Get('open')
  open() {}

  @UseGuards(StricterGuard)
  @Get('stricter')
  stricter() {}
}

@Roles('admin')
@Permissions('post:write')
@UseGuards(StricterGuard)
export abstract class Base {
  @Get('inherited')
  inherited() {}

  @Fresh('90s')
  @Roles('user', 'editor')
  @Permissions('post:delete')
  @Get('replaced')
  replaced() {}

  @Get('overridden')
  overridden() {}
}

@Controller('child')
export class Child extends Base {
  /** Without the decorator of a route it is none, whatever it overrides. */
  override overridden() {}
}

@Roles('auditor')
@Controller('stricter-child')
export class StricterChild extends Base {
  @Assurance('aal2')
  @Get('own')
  own() {}

  @AllowExpired()
  @Fresh(0)
  @Get('own/leaving')
  leaving() {}

  @Public()
  @Get('own/open')
  opened() {}
}

@RateLimit({ name: 'visits', quota: 9, window: '1h', by: 'ip' })
@Controller('limited')
export class Limited {
  @Public()
  @UseGuards(SessionGuard)
  @Get('open')
  open() {}

  @RateLimit({ name: 'posts', quota: 30, window: '1m', by: 'user' })
  @UseGuards(SessionGuard)
  @Get('guarded')
  guarded() {}
}

@Controller('limited')
export class LimitedWithoutGuard {
  @Public()
  @RateLimit({ name: 'visits', quota: 9, window: '1h', by: 'ip' })
  @Get('open')
  open() {}
}

/** Does what `SessionGuard` does, in a way of its own. */
@EnforcesAccess()
class Maintenance extends OfficeHours {}

@UseGuards(Maintenance)
@Roles('admin')
@Controller('maintained')
export class Maintained {
  @Get()
  read() {}
}

@Controller(['cats', '/dogs/'])
export class SeveralPaths {
  @Get(['', 'all/'])
  list() {}

  @All('any')
  any() {}

  @Post('{/:optional}')
  add() {}

  @Sse('stream')
  stream() {
    return NEVER;
  }
}

@Controller({ path: 'versioned', version: ['1', VERSION_NEUTRAL] })
export class Versioned {
  @Get()
  read() {}

  @Version('2')
  @Get('newer')
  newer() {}
}

@Controller({ path: 'by-host', host: 'api.example.com' })
export class OfOneHost {
  @Get()
  read() {}
}

@Controller('inner')
class Inner {
  @Get(':id')
  read() {}
}

@Module({ controllers: [Inner] })
export class InnerModule {}

@Module({ controllers: [Plain] })
export class PlainModule {}

// What the decorators of @nestjs/websockets and @nestjs/graphql leave behind.
const WebSocketGateway = (options: object) => (target: Function) => {
  SetMetadata('websockets:is_gateway', true)(target);
  SetMetadata('websockets:gateway_options', options)(target);
};
const SubscribeMessage =
  (message: unknown): MethodDecorator =>
  (_target, _key, descriptor) => {
    const handler = descriptor.value as object;
    Reflect.defineMetadata('websockets:message_mapping', true, handler);
    Reflect.defineMetadata('message', message, handler);
  };
const Operation =
  (type: string | undefined, name?: string): MethodDecorator =>
  (_target, _key, descriptor) => {
    const handler = descriptor.value as object;
    Reflect.defineMetadata('graphql:resolver_type', type, handler);
    Reflect.defineMetadata('graphql:resolver_name', name, handler);
  };

@WebSocketGateway({ path: '/ws' })
@Injectable()
export class ChatGateway {
  @UseGuards(SessionGuard)
  @Roles('moderator')
  @SubscribeMessage('mute')
  mute() {}

  @SubscribeMessage({ cmd: 'say' })
  say() {}

  handleConnection() {}
}

@Injectable()
export class PostResolver {
  @Operation('Query', 'posts')
  list() {}

  @Operation('Mutation')
  addPost() {}

  @Operation('Post')
  author() {}
}
