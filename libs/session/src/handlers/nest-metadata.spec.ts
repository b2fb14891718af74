import * as common from '@nestjs/common/constants.js';
import * as graphql from '@nestjs/graphql';
import * as microservices from '@nestjs/microservices/constants.js';
import { PatternHandler } from '@nestjs/microservices/enums/pattern-handler.enum.js';
import * as websockets from '@nestjs/websockets/constants.js';
import * as ours from './nest-metadata.js';

describe('the metadata keys', () => {
  it("are Nest's own", () => {
    const { guardsOn: _, handshakeOf: __, ...keys } = ours;
    expect(keys).toEqual({
      PATH: common.PATH_METADATA,
      METHOD: common.METHOD_METADATA,
      HOST: common.HOST_METADATA,
      VERSION: common.VERSION_METADATA,
      MODULE_PATH: common.MODULE_PATH,
      GUARDS: common.GUARDS_METADATA,
      INTERCEPTORS: common.INTERCEPTORS_METADATA,
      SSE: common.SSE_METADATA,
      EXCEPTION_FILTERS: common.EXCEPTION_FILTERS_METADATA,
      GATEWAY: websockets.GATEWAY_METADATA,
      GATEWAY_OPTIONS: websockets.GATEWAY_OPTIONS,
      GATEWAY_PORT: websockets.PORT_METADATA,
      MESSAGE_MAPPING: websockets.MESSAGE_MAPPING_METADATA,
      MESSAGE: websockets.MESSAGE_METADATA,
      RESOLVER_TYPE: graphql.RESOLVER_TYPE_METADATA,
      RESOLVER_NAME: graphql.RESOLVER_NAME_METADATA,
      RESOLVER_FIELD: graphql.RESOLVER_PROPERTY_METADATA,
      RESOLVER_REFERENCE: graphql.RESOLVER_REFERENCE_METADATA,
      GRAPHQL_OPTIONS: graphql.GRAPHQL_MODULE_OPTIONS,
      PATTERN: microservices.PATTERN_METADATA,
      PATTERN_TYPE: microservices.PATTERN_HANDLER_METADATA,
      EVENT_PATTERN: PatternHandler.EVENT,
    });
  });
});
