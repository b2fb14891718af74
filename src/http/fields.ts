import { applyDecorators } from '@nestjs/common';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsInt, Max, Min, ValidateIf } from 'class-validator';

const DEFAULT_PAGE = 50;
const LARGEST_PAGE = 100;

/** The field may be absent. Unlike class-validator's `IsOptional`, `null` is not absence. */
export function MayBeAbsent(): PropertyDecorator {
  return ValidateIf((_object, value) => value !== undefined);
}

/** A query's whole number; any other text stays what it is, and does not validate. */
function WholeNumber(): PropertyDecorator {
  return Transform(({ value }: { value: unknown }) =>
    typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value,
  );
}

/** How many items a page of a list has. */
export function PageSize(): PropertyDecorator {
  return applyDecorators(
    ApiPropertyOptional({ minimum: 1, maximum: LARGEST_PAGE, default: DEFAULT_PAGE }),
    WholeNumber(),
    IsInt({ message: 'is a whole number' }),
    Min(1, { message: 'is at least 1' }),
    Max(LARGEST_PAGE, { message: `is at most ${LARGEST_PAGE}` }),
  );
}

export { DEFAULT_PAGE };
