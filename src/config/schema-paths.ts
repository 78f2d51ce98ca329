import type { z } from 'zod';
import { isRenaming } from '../core/choice.js';
import { entryOf } from '../core/own-entry.js';

/** The parts of zod's definitions that say what lies inside a schema. */
interface Definition {
  readonly type: string;
  readonly innerType?: Schema;
  readonly in?: Schema;
  readonly out?: Schema;
  readonly options?: readonly Schema[];
  readonly shape?: Readonly<Record<string, Schema>>;
  readonly element?: Schema;
  readonly items?: readonly Schema[];
  readonly valueType?: Schema;
  readonly values?: readonly unknown[];
}
interface Schema {
  readonly def: Definition;
}

/** What a schema says of a place: that free text goes there, something else, or nothing. */
export type Expectation = 'text' | 'other' | undefined;

/**
 * What a schema expects at a path of a value. Where it is a choice, such as between methods, the value's own literals
 * tell which one counts.
 */
export function expectedAt(schema: z.ZodType, path: readonly string[], value: unknown): Expectation {
  let schemas = alternatives(schema as unknown as Schema);
  let node = value;
  for (const part of path) {
    const here = node;
    schemas = schemas.filter((each) => fits(each, here)).flatMap((each) => inside(each, part));
    node = entryOf(node, part);
  }
  if (schemas.length === 0) return undefined;
  return schemas.some(({ def }) => def.type === 'string') ? 'text' : 'other';
}

/** The paths of all values in a schema's maps, `train.epochs`; what is in lists is left out. */
export function keyPaths(schema: z.ZodType): readonly string[] {
  const paths = new Set<string>();
  const collect = (node: Schema, before: string): void => {
    for (const { def } of alternatives(node)) {
      for (const [key, inner] of Object.entries(def.shape ?? {})) {
        if (alternatives(inner).some((each) => each.def.shape === undefined)) paths.add(`${before}${key}`);
        collect(inner, `${before}${key}.`);
      }
    }
  };
  collect(schema as unknown as Schema, '');
  return [...paths];
}

/** The schemas that a schema with its wrappers and choices comes down to; what a value is made into at last is none. */
function alternatives(schema: Schema): readonly Schema[] {
  const { innerType, in: first, out: after, options = [] } = schema.def;
  const before = first !== undefined && isRenaming(first) ? undefined : first;
  const read = after?.def.type === 'transform' ? undefined : after;
  const inner = [innerType, before, read, ...options].filter((each) => each !== undefined);
  return inner.length === 0 ? [schema] : inner.flatMap(alternatives);
}

function inside({ def }: Schema, part: string): readonly Schema[] {
  const { shape = {}, element, items = [], valueType } = def;
  const entry = /^\d+$/.test(part) ? (element ?? items[Number(part)]) : undefined;
  const inner = (Object.hasOwn(shape, part) ? shape[part] : entry) ?? valueType;
  return inner === undefined ? [] : alternatives(inner);
}

function fits({ def }: Schema, value: unknown): boolean {
  return Object.entries(def.shape ?? {}).every(([key, { def: of }]) => {
    const given = entryOf(value, key);
    return of.type !== 'literal' || given === undefined || of.values!.includes(given);
  });
}
