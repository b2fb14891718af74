import { Controller, Get, UseGuards, type ModuleMetadata } from '@nestjs/common';
import { ResolveReference, Resolver } from '@nestjs/graphql';
import { MessagePattern } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { IpAllowlist, PolicyManifest, Public, Roles, SessionGuard, SessionModule } from '@latchkey/session';
import { loginAs } from '@latchkey/session/testing';
import request from 'supertest';
import { closeUnstarted } from '../support/close-unstarted.js';

/** As decorators for logs, caches and traces do it. */
const wrapped =
  (keepsMetadata: boolean): MethodDecorator =>
  (_target, _name, descriptor) => {
    const inner = descriptor.value as unknown as Function;
    const outer = function (this: unknown, ...args: unknown[]): unknown {
      return inner.apply(this, args);
    };
    if (keepsMetadata)
      for (const key of Reflect.getMetadataKeys(inner) as string[])
        Reflect.defineMetadata(key, Reflect.getMetadata(key, inner), outer);
    descriptor.value = outer as never;
  };

@Controller('bound')
class Bound {
  constructor() {
    this.read = this.read.bind(this);
  }

  @Roles('admin')
  @Get()
  read() {
    return 'admin';
  }
}

@Controller('guarded')
class BoundGuard {
  constructor() {
    this.read = this.read.bind(this);
  }

  @UseGuards(SessionGuard)
  @Get()
  read() {
    return 'somebody';
  }
}

@Controller()
class BoundMessage {
  constructor() {
    this.read = this.read.bind(this);
  }

  @UseGuards(SessionGuard)
  @Roles('admin')
  @MessagePattern('read')
  read() {
    return 'admin';
  }
}

@Controller('shadow')
class Shadowed extends Bound {
  override read = () => 'shadow';
}

@Controller('wrapped')
class Wrapped {
  @Get()
  @wrapped(false)
  @Roles('admin')
  read() {
    return 'admin';
  }
}

@Controller('wrapped')
class WrappedList {
  @Get()
  @IpAllowlist(['192.0.2.0/24'])
  @wrapped(false)
  @IpAllowlist(['127.0.0.0/8'])
  read() {
    return 'office';
  }
}

@Controller('kept')
class Kept {
  @wrapped(true)
  @Get()
  @Roles('admin')
  read() {
    return 'admin';
  }
}

abstract class Base {
  @Get()
  @Roles('admin')
  read() {
    return 'base';
  }
}

@Controller('sub')
class Sub extends Base {
  @Get()
  override read() {
    return 'sub';
  }
}

/** What nobody declared anything on may be bound as ever. */
@Controller('plain')
class BoundPlain {
  constructor() {
    this.read = this.read.bind(this);
  }

  @Get()
  read() {
    return 'plain';
  }
}

@Resolver('User')
class References {
  @ResolveReference()
  resolveReference() {
    return { id: '42' };
  }
}

@Resolver('Post')
class PublicReferences {
  @Public()
  @ResolveReference()
  resolveReference() {
    return { id: '42' };
  }
}

async function start(metadata: ModuleMetadata) {
  const imports = [SessionModule.forRoot({ allowMemoryInProduction: true, guard: 'global', strict: true })];
  const testing = await Test.createTestingModule({ ...metadata, imports }).compile();
  const app = testing.createNestApplication({ logger: false });
  return { app, booted: app.init().then(() => undefined) };
}

describe('what is checked is what runs', () => {
  it.each([
    ['Bound.read', { controllers: [Bound] }],
    ['BoundGuard.read', { controllers: [BoundGuard] }],
    ['BoundMessage.read', { controllers: [BoundMessage] }],
    ['Shadowed.read', { controllers: [Shadowed] }],
    ['Wrapped.read', { controllers: [Wrapped] }],
    ['WrappedList.read', { controllers: [WrappedList] }],
    ['References.resolveReference', { providers: [References] }],
  ])('or the app does not start: %s', async (option, metadata: ModuleMetadata) => {
    const { app, booted } = await start(metadata);
    await expect(booted).rejects.toMatchObject({ name: 'SessionConfigurationError', option });
    await closeUnstarted(app);
  });

  it('and who keeps the metadata, overrides a method or declares nothing starts as ever', async () => {
    const { app, booted } = await start({
      controllers: [Kept, Sub, BoundPlain],
      providers: [PublicReferences],
    });
    await booted;
    const { token } = await loginAs(app, { userId: 'ada', roles: ['user'] });
    const statuses = ['/kept', '/sub', '/plain'].map(async (path) => {
      const reply = await request(app.getHttpServer()).get(path).set('authorization', `Bearer ${token}`);
      return [path, reply.status];
    });
    expect(await Promise.all(statuses)).toEqual([
      ['/kept', 403],
      ['/sub', 200],
      ['/plain', 200],
    ]);
    const methods = app
      .get(PolicyManifest)
      .list()
      .map(({ method }) => method);
    expect(methods).toContain('REFERENCE');
    await app.close();
  });
});

@IpAllowlist(['192.0.2.0/24'])
class Office {
  @Get()
  read() {
    return 'office';
  }
}

@IpAllowlist(['127.0.0.0/8', '::1'])
@Controller('here')
class Here extends Office {}

it("a class's lists come beside those of the class that it extends", async () => {
  const { app, booted } = await start({ controllers: [Here] });
  await booted;
  const { token } = await loginAs(app, { userId: 'ada' });
  const reply = await request(app.getHttpServer()).get('/here').set('authorization', `Bearer ${token}`);
  expect(reply.status).toBe(403);
  await app.close();
});
