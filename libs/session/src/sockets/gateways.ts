import type { INestApplicationContext, Type } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import type { Access } from '../rules/access.js';
import { AccessReader } from '../guard/access-reader.js';
import { GATEWAY, GATEWAY_OPTIONS, GATEWAY_PORT, handshakeOf } from '../handlers/nest-metadata.js';
import { SessionConfigurationError } from '../model/session-error.js';

/** The gateways behind one path and port, and who may do what there. */
export class Gateways {
  private constructor(
    private readonly reader: AccessReader,
    /** Who may connect: by the decorators on the class, or on `handleConnection`. */
    readonly handshake: Access,
  ) {}

  /** @throws SessionConfigurationError when gateways on one path let in different people */
  static at(app: INestApplicationContext, port: number, path: string | undefined): Gateways {
    const reader = app.get(AccessReader, { strict: false });
    const classes = [...app.get(ModulesContainer).values()]
      .flatMap((module) => [...module.providers.values()])
      .map(({ metatype }) => metatype as Type | null)
      .filter((metatype): metatype is Type => typeof metatype === 'function')
      .filter((metatype) => Reflect.getMetadata(GATEWAY, metatype) === true)
      .filter((metatype) => isAt(metatype, port, path));
    const foreign = classes.find((metatype) => !reader.owns(metatype));
    if (foreign) {
      throw new SessionConfigurationError(
        foreign.name,
        'belongs to a SessionModule that SessionWsAdapter does not serve: move it to a module that imports the one it serves',
      );
    }
    const [first, ...others] = [...new Set(classes)].map((metatype) => ({
      access: reader.of(handshakeOf(metatype), metatype),
      name: metatype.name,
    }));
    if (!first)
      throw new SessionConfigurationError(
        'SessionWsAdapter',
        `finds no gateway at ${path ?? '/'}: add it to the providers of a module`,
      );
    const other = others.find(({ access }) => JSON.stringify(access) !== JSON.stringify(first.access));
    if (other) {
      throw new SessionConfigurationError(
        other.name,
        `shares its path with ${first.name}, which has other requirements: give both the same, or another path`,
      );
    }
    return new Gateways(reader, first.access);
  }

  /** Who may have a handler of a gateway run. */
  accessTo(handler: Function, gateway: Function): Access {
    return this.reader.of(handler, gateway);
  }
}

function isAt(gateway: Type, port: number, path: string | undefined): boolean {
  const options = (Reflect.getMetadata(GATEWAY_OPTIONS, gateway) ?? {}) as { path?: string };
  const ownPort = (Reflect.getMetadata(GATEWAY_PORT, gateway) as number | undefined) ?? 0;
  return ownPort === port && options.path === path;
}
