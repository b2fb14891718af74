import { type ArgumentsHost, Controller, type ExceptionFilter, Logger, UseFilters } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { EventPattern, KafkaContext, MessagePattern, TcpContext } from '@nestjs/microservices';
import { lastValueFrom, type Observable } from 'rxjs';
import { EXCEPTION_FILTERS } from '../handlers/nest-metadata.js';
import type { SessionErrorCode } from '../model/error-codes.js';
import { SessionError } from '../model/session-error.js';
import { MessageProblems } from './message-problems.js';
import { ProblemFilter } from './problem.filter.js';

@Controller()
class Orders {
  @EventPattern('created')
  created(_data: unknown) {}

  @MessagePattern('find')
  find() {}
}

const none = {} as never;
const kafka = new KafkaContext([{ headers: {} } as never, 0, 'created', none, none, none]);
const tcp = new TcpContext([none, 'created', undefined]);

/** What the filter on a handler makes of an error: a value, or what it rejects with. */
async function outcomeOf(
  handler: 'created' | 'find',
  code: SessionErrorCode,
  context: object,
): Promise<unknown> {
  const filters = Reflect.getMetadata(EXCEPTION_FILTERS, Orders.prototype[handler]) as ExceptionFilter[];
  const args = [{}, context];
  const host = { getType: () => 'rpc', getArgs: () => args } as unknown as ArgumentsHost;
  const answer = filters[0]?.catch(new SessionError(code), host) as Observable<unknown>;
  return lastValueFrom(answer).catch((error: { code: string }) => error.code);
}

class Found implements ExceptionFilter {
  catch(): void {}
}
class Shop extends Found {}
class Office extends Found {}

abstract class Listing {
  @MessagePattern('list')
  list() {}
}

@UseFilters(new Shop())
@Controller()
class ShopListing extends Listing {}

@UseFilters(new Office())
@Controller()
class OfficeListing extends Listing {}

it('a handler that two classes inherit has the filters of neither', () => {
  const controllers = new Map([ShopListing, OfficeListing].map((metatype) => [metatype, { metatype }]));
  const modules = new Map([['app', { controllers, providers: new Map() }]]);
  expect(() => new MessageProblems(modules as unknown as ModulesContainer)).not.toThrow();
  const filtersOf = (target: object) => Reflect.getMetadata(EXCEPTION_FILTERS, target) as object[];
  expect(filtersOf(Reflect.get(Listing.prototype, 'list') as object)).toEqual([expect.any(ProblemFilter)]);
  expect(filtersOf(ShopListing)).toEqual([expect.any(Shop)]);
  expect(filtersOf(OfficeListing)).toEqual([expect.any(Office)]);
});

describe('a refused event', () => {
  const warnings: unknown[] = [];

  beforeAll(() => {
    jest.spyOn(Logger.prototype, 'warn').mockImplementation((line: unknown) => void warnings.push(line));
    jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    const controllers = new Map([[Orders, { metatype: Orders }]]);
    const module = { controllers, providers: new Map() };
    const modules = new Map([['orders', module]]) as unknown as ModulesContainer;
    // Two modules may have one each.
    expect([new MessageProblems(modules), new MessageProblems(modules)]).toHaveLength(2);
  });
  afterAll(() => void jest.restoreAllMocks());

  it('is dropped, so that no transport brings what will be refused again', async () => {
    for (const context of [kafka, tcp])
      for (const code of ['session_missing', 'session_invalid', 'user_blocked', 'forbidden'] as const)
        expect(await outcomeOf('created', code, context)).toBeUndefined();
    expect(warnings).toEqual(['An event for Orders.created failed: session_missing']);
  });

  it('comes once more where the transport can and that may help', async () => {
    for (const code of ['session_store_unavailable', 'rate_limited', 'version_conflict'] as const)
      expect(await outcomeOf('created', code, kafka)).toBe(code);
  });

  it('is not a refused message, which is answered', async () => {
    expect(await outcomeOf('find', 'session_missing', kafka)).toBe('session_missing');
  });
});
