import type { z } from 'zod';
import { UserError } from '../core/errors.js';
import { writtenPath } from '../core/former-names.js';
import type { ConfigDocument } from './document.js';
import { check, formatPath } from '../core/schema-problems.js';
import { visible } from '../core/visible.js';

/** The document's value as the schema has it. Throws a UserError with a line for each problem. */
export function validate<T>(schema: z.ZodType<T>, document: Pick<ConfigDocument, 'valueFor' | 'locate'>): T {
  const value = document.valueFor(schema);
  const result = check(schema, value);
  if ('value' in result) return result.value;
  const lines = result.problems.map(({ path, message }) => {
    const place = document.locate(writtenPath(value, path));
    return visible([place, formatPath(path), message].filter((part) => part !== '').join(': '));
  });
  throw new UserError(lines.join('\n'));
}
