import { expect, it } from 'vitest';
import { z } from 'zod';
import { expectedAt, keyPaths } from '../../src/config/schema-paths.js';

const schema = z.strictObject({
  name: z.string().max(9).default('x'),
  size: z.int().exactOptional(),
  kind: z.enum(['a', 'b']),
  cuts: z.union([z.literal('balanced'), z.array(z.string()).readonly()]),
  pair: z.tuple([z.int(), z.string()]),
  plugins: z.array(z.preprocess((value) => value, z.strictObject({ path: z.string() }))).exactOptional(),
  data: z
    .discriminatedUnion('name', [
      z.strictObject({ name: z.literal('folder'), at: z.string().transform((text) => text) }),
      z.strictObject({ name: z.literal('made'), at: z.int() }).superRefine(() => {}),
    ])
    .exactOptional(),
  rest: z.looseObject({ deep: z.boolean().default(true) }).prefault({}),
});

it.each<[string, unknown, ReturnType<typeof expectedAt>]>([
  ['name', {}, 'text'],
  ['size', {}, 'other'],
  ['kind', {}, 'other'],
  ['cuts', {}, 'other'],
  ['cuts.0', {}, 'text'],
  ['pair.0', {}, 'other'],
  ['pair.1', {}, 'text'],
  ['plugins.3.path', {}, 'text'],
  ['plugins.path', {}, undefined],
  ['data', {}, 'other'],
  ['data.at', { data: { name: 'folder' } }, 'text'],
  ['data.at', { data: { name: 'made' } }, 'other'],
  ['data.at', { data: { name: 'none' } }, undefined],
  ['rest.deep', {}, 'other'],
  ['rest.unknown', {}, undefined],
  ['none', {}, undefined],
  ['__proto__', {}, undefined],
  ['name.below', {}, undefined],
])('at %s of %j', (path, value, expected) => {
  expect(expectedAt(schema, path.split('.'), value)).toBe(expected);
});

it('lists the paths of values', () => {
  expect(keyPaths(schema)).toEqual([
    ...['name', 'size', 'kind', 'cuts', 'pair', 'plugins', 'data.name', 'data.at', 'rest.deep'],
  ]);
});
