import { type ArgumentMetadata, Injectable, type PipeTransform, ValidationPipe } from '@nestjs/common';
import type { ValidationError } from 'class-validator';
import { type FieldError, type Problem, badRequest } from '../problem/problem.js';

/**
 * Names that class-transformer drops without a word, or that class-validator takes for known ones because every object
 * has them. No DTO declares one, so in a body they are unknown fields.
 */
function isInborn(name: string): boolean {
  return name in Object.prototype || name === 'prototype';
}

/** Validates bodies and queries against their DTO classes. A body may have no unknown fields, a query may. */
@Injectable()
export class RequestValidationPipe implements PipeTransform {
  private readonly body = new ValidationPipe({
    transform: true,
    whitelist: true,
    forbidNonWhitelisted: true,
    stopAtFirstError: true,
    exceptionFactory: toProblem,
  });
  private readonly rest = new ValidationPipe({
    transform: true,
    whitelist: true,
    stopAtFirstError: true,
    exceptionFactory: toProblem,
  });

  async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (metadata.type !== 'body') return this.rest.transform(value, metadata);
    if (typeof value === 'object' && value !== null) {
      const field = Object.keys(value).find(isInborn);
      if (field !== undefined) throw badRequest({ field, message: 'is not known' });
    }
    return this.body.transform(value, metadata);
  }
}

function toProblem(errors: readonly ValidationError[]): Problem {
  return badRequest(...errors.map(toFieldError));
}

function toFieldError({ property, constraints = {} }: ValidationError): FieldError {
  if ('whitelistValidation' in constraints) return { field: property, message: 'is not known' };
  return { field: property, message: Object.values(constraints)[0] ?? 'is not valid' };
}
