import { z } from 'zod';
import { UserError } from './errors.js';
import { check, formatPath } from './schema-problems.js';
import { visible } from './visible.js';

/** Forms of what functions of the library are given, for programs that no type checker has seen. */

/** A function, whatever it takes. */
export const functionSchema = z.custom((value) => typeof value === 'function', 'must be a function');

/** A number of pixels, channels, images, … */
export const sizeSchema = z.int().min(1);

/** A list, or numbers in an array of one type. */
const asList = (given: unknown): unknown =>
  ArrayBuffer.isView(given) && !(given instanceof DataView) ? Array.from(given as Float64Array) : given;

/** Numbers, in whatever holds them. */
export const numbersSchema = z.preprocess(asList, z.array(z.number()));

/** Of images as a network gets them. */
export const imageShapeSchema = z.preprocess(
  asList,
  z.tuple([sizeSchema, sizeSchema, sizeSchema], {
    error: 'must be [height, width, channels], whole numbers from 1',
  }),
);

/** The path of a file or a folder. */
export const pathSchema = z.string().min(1);

/** What ends work early. */
export const signalSchema = z.instanceof(AbortSignal, { error: 'must be an AbortSignal' });

/**
 * Refuses what a function was given and cannot take, before it does anything.
 *
 * @param name of the function
 * @param forms of its parameters
 * @param given its parameters by their names
 * @throws UserError that names the first that is wrong
 */
export function checkGiven(
  name: string,
  forms: Readonly<Record<string, z.ZodType>>,
  given: Readonly<Record<string, unknown>>,
): void {
  for (const [key, form] of Object.entries(forms)) validGiven(name, key, form, given[key]);
}

/** As `checkGiven`, of one parameter. Returns it as its form has it, defaults filled in. */
export function validGiven<T>(name: string, parameter: string, form: z.ZodType<T>, given: unknown): T {
  const result = check(form, withoutUndefined(given));
  if ('value' in result) return result.value;
  const { path, message } = result.problems[0]!;
  throw new UserError(visible(`${name}: ${formatPath([parameter, ...path])}: ${message}`));
}

/** Options that are given as undefined are left out. */
function withoutUndefined(given: unknown): unknown {
  if (typeof given !== 'object' || given === null || Object.getPrototypeOf(given) !== Object.prototype)
    return given;
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
