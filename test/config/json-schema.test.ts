import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { configFileSchema } from '../../src/config/config.js';
import type { JsonSchema } from '../../src/config/json-schema.js';
import { keyDescriptions } from '../../src/config/key-descriptions.js';
import { summaryFileSchema } from '../../src/runs/summary.js';

it.each([
  ['config', configFileSchema],
  ['summary', summaryFileSchema],
])('schemas/%s.json is what the schema says: npm run schemas writes it', (name, schema) => {
  const shipped = readFileSync(join(import.meta.dirname, `../../schemas/${name}.json`), 'utf8');
  expect(JSON.parse(shipped)).toEqual(JSON.parse(JSON.stringify(schema())));
});

/** Of every key at any depth, by what it lies in. */
function described(
  schema: JsonSchema,
  path = '',
): (readonly [key: string, description: string | undefined])[] {
  const { properties = {}, anyOf = [], items } = schema;
  const own = Object.entries(properties).flatMap(([key, inner]) => {
    const here = `${path}/${key}`;
    return [[here, (inner as JsonSchema).description] as const, ...described(inner as JsonSchema, here)];
  });
  const others = [...anyOf, ...(items === undefined ? [] : [items])] as JsonSchema[];
  return [...own, ...others.flatMap((each) => described(each, path))];
}

it('every key of a config has a description of one line, and every description a key', () => {
  const all = described(configFileSchema());
  expect(all.length).toBeGreaterThan(500);
  expect(all.filter(([, text]) => text === undefined || !/^[^\n]+\.$/.test(text))).toEqual([]);
  const used = new Set(all.map(([, text]) => text));
  expect(Object.entries(keyDescriptions).filter(([, text]) => !used.has(text))).toEqual([]);
});

it('keys of one name are told apart by what they lie in', () => {
  const of = (path: string): Set<string | undefined> =>
    new Set(described(configFileSchema()).flatMap(([key, text]) => (key === path ? [text] : [])));
  expect(of('/train/momentum')).toEqual(new Set(["SGD's momentum. Default: 0.9."]));
  expect(of('/methods/momentum')).toEqual(of('/method/momentum'));
  expect(of('/method/momentum')).toEqual(new Set([keyDescriptions['method.momentum']]));
  const ofLayers = Object.entries(keyDescriptions).filter(([key]) => key.endsWith('.layers'));
  expect(of('/network/layers')).toEqual(new Set(ofLayers.map(([, text]) => text)));
  expect(of('/name')).toEqual(new Set([keyDescriptions['name']]));
  expect(of('/data/name')).toEqual(new Set([keyDescriptions['data.name']]));
});
