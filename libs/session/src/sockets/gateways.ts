import type { INestApplicationContext, Type } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import type { Access } from '../rules/access.js';
import { AccessReader } from '../guard/access-reader.js';
import { functionsOf } from '../handlers/methods.js';
import { GATEWAY, GATEWAY_OPTIONS, GATEWAY_PORT, handshakeOf } from '../handlers/nest-metadata.js';
import { SessionConfigurationError } from '../model/session-error.js';

/** What a gateway says of where it is. */
interface GatewayPlace {
  readonly port: number;
  readonly path: string | undefined;
  readonly namespace: string | RegExp | undefined;
}

/** Where gateways are asked for, by whom. */
interface Search {
  readonly adapter: string;
  readonly isThere: (place: GatewayPlace) => boolean;
}

/** The gateways at one place, and who may do what there. */
export class Gateways {
  private constructor(
    private readonly reader: AccessReader,
    readonly name: string,
    /** Who may connect: by the decorators on the class, or on `handleConnection`. */
    readonly handshake: Access,
    /** Whether any of them, or of their handlers, goes by lists of addresses. */
    readonly hasIpLists: boolean,
  ) {}

  /**
   * @returns `undefined` where there are none
   * @throws SessionConfigurationError when gateways at one place let in different people
   */
  static find(app: INestApplicationContext, { adapter, isThere }: Search): Gateways | undefined {
    const reader = app.get(AccessReader, { strict: false });
    const classes = [...app.get(ModulesContainer).values()]
      .flatMap((module) => [...module.providers.values()])
      .map(({ metatype }) => metatype as Type | null)
      .filter((metatype): metatype is Type => typeof metatype === 'function')
      .filter((metatype) => Reflect.getMetadata(GATEWAY, metatype) === true)
      .filter((metatype) => isThere(placeOf(metatype)));
    const foreign = classes.find((metatype) => !reader.owns(metatype));
    if (foreign) {
      throw new SessionConfigurationError(
        foreign.name,
        `belongs to a SessionModule that ${adapter} does not serve: move it to a module that imports the one it serves`,
      );
    }
    const hasIpLists = classes.some((metatype) =>
      [handshakeOf(metatype), ...functionsOf(metatype)].some(
        (handler) => reader.of(handler, metatype).requirements.ip !== undefined,
      ),
    );
    const [first, ...others] = [...new Set(classes)].map(
      (metatype) =>
        new Gateways(reader, metatype.name, reader.of(handshakeOf(metatype), metatype), hasIpLists),
    );
    for (const other of others) other.assertAsOpenAs(first as Gateways);
    return first;
  }

  /** Who may have a handler of a gateway run. */
  accessTo(handler: Function, gateway: Function): Access {
    return this.reader.of(handler, gateway);
  }

  /** @throws SessionConfigurationError when these let in others than those at the same place */
  assertAsOpenAs(first: Gateways): void {
    if (JSON.stringify(this.handshake) === JSON.stringify(first.handshake)) return;
    throw new SessionConfigurationError(
      this.name,
      `shares its path with ${first.name}, which has other requirements: give both the same, or another path`,
    );
  }
}

function placeOf(gateway: Type): GatewayPlace {
  const options = (Reflect.getMetadata(GATEWAY_OPTIONS, gateway) ?? {}) as Partial<GatewayPlace>;
  const port = (Reflect.getMetadata(GATEWAY_PORT, gateway) as number | undefined) ?? 0;
  return { port, path: options.path, namespace: options.namespace };
}
