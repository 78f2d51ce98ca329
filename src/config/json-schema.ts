import { z } from 'zod';
import { descriptionOf } from './key-descriptions.js';

/** A JSON Schema (draft 7, which editors know), or a part of one. */
export type JsonSchema = z.core.JSONSchema.BaseSchema;

/** What tells choices apart that plugins add to. */
const openKeys = ['name', 'method'] as const;

/**
 * The JSON Schema of config files. Nothing is required, as what a file extends may have it; names that are not built in
 * pass with any options, as a plugin may define them.
 *
 * @param schema of whole configs
 */
export function configJsonSchema(schema: z.ZodType): JsonSchema {
  const json = z.toJSONSchema(schema, { ...common, io: 'input', override: ofDocuments });
  const path = { type: 'string', minLength: 1 } as const;
  return describeKeys({
    ...json,
    title: 'A config of locallearn',
    properties: {
      ...json.properties,
      extends: { anyOf: [path, { type: 'array', items: path, minItems: 1 }] },
    },
  });
}

/** The JSON Schema of a file that the program writes: keys that later versions add are not refused. */
export function fileJsonSchema(schema: z.ZodType, title: string): JsonSchema {
  return { ...z.toJSONSchema(schema, { ...common, io: 'input' }), title };
}

const common = { target: 'draft-7', unrepresentable: 'any', reused: 'inline' } as const;

function ofDocuments({
  zodSchema,
  jsonSchema: json,
}: {
  readonly zodSchema: z.core.$ZodTypes;
  readonly jsonSchema: JsonSchema;
}): void {
  delete json.required;
  // Python's patterns know no classes of Unicode: this one is these.
  const controls = '\\u0000-\\u001f\\u007f-\\u009f';
  if (json.pattern !== undefined) {
    json.pattern = json.pattern.replaceAll('\\P{Cc}', `[^${controls}]`).replaceAll('\\p{Cc}', controls);
  }
  if (json.oneOf !== undefined) {
    json.anyOf = [...json.oneOf, ...openBranch(json.oneOf)];
    delete json.oneOf;
  }
  const { def } = zodSchema._zod;
  if (def.type === 'pipe' && def.in._zod.def.type === 'transform') allowShort(json);
}

/** The JSON Schema with a description of every key that has none of its own. */
function describeKeys(schema: JsonSchema, path: readonly string[] = []): JsonSchema {
  const { properties, anyOf, items } = schema as JsonSchema & { readonly items?: unknown };
  return {
    ...schema,
    ...(properties && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([key, inner]): [string, z.core.JSONSchema._JSONSchema] => {
          if (typeof inner !== 'object') return [key, inner];
          const own = [...path, key];
          const description = inner.description ?? descriptionOf(own);
          return [key, { ...describeKeys(inner, own), ...(description && { description }) }];
        }),
      ),
    }),
    ...(anyOf && { anyOf: anyOf.map((each) => inside(each, path)) }),
    ...(items && {
      items: Array.isArray(items) ? (items as JsonSchema[]) : inside(items as JsonSchema, path),
    }),
  };
}

/** A choice's own keys are told apart by its name. */
function inside(schema: z.core.JSONSchema._JSONSchema, path: readonly string[]): JsonSchema {
  if (typeof schema !== 'object') return schema as unknown as JsonSchema;
  const name = openKeys.map((key) => constOf(schema.properties?.[key])).find((each) => each !== undefined);
  return describeKeys(schema, name === undefined ? path : [...path, name]);
}

/** A branch for the choices of plugins, where these are told apart by a key that is theirs. */
function openBranch(branches: readonly JsonSchema[]): JsonSchema[] {
  const key = openKeys.find((each) =>
    branches.every(({ properties }) => constOf(properties?.[each]) !== undefined),
  );
  if (key === undefined) return [];
  const known = branches.map(({ properties }) => constOf(properties?.[key])!);
  return [
    { type: 'object', required: [key], properties: { [key]: { type: 'string', not: { enum: known } } } },
  ];
}

function constOf(schema: z.core.JSONSchema._JSONSchema | undefined): string | undefined {
  return typeof schema === 'object' && typeof schema.const === 'string' ? schema.const : undefined;
}

/** What is read before the schema checks it may also be a name or a path alone, or one entry of a list. */
function allowShort(json: JsonSchema): void {
  const whole = { ...json };
  for (const key of Object.keys(json)) delete json[key];
  const { items } = whole;
  const entry = typeof items === 'object' && !Array.isArray(items) ? [items] : [];
  json.anyOf = [{ type: 'string' }, whole, ...entry];
}
