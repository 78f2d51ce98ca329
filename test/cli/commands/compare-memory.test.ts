import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hasTorch } from '../../support/engine.js';
import { sampleOf } from '../../support/fuzz.js';
import { run, pictureConfig, writePictures } from '../helpers.js';

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'locallearn-compare-memory-'));
  await writePictures(join(folder, 'data'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const methods = [
  '{ method: hpff, blocks: 3, auxiliary: 1c1f }',
  '{ method: auglocal, depth: 1 }',
  '{ method: bp }',
];

/** Peak bytes by label of a config that names these methods; mixed images are checked before the first is trained. */
async function peaks(name: string, command: 'train' | 'compare', methods: readonly string[]) {
  const listed = command === 'train' ? `method: ${methods[0]!}` : `methods: [${methods.join(', ')}]`;
  const config = pictureConfig(join(folder, 'data'), listed).replace(
    'train: { epochs: 2',
    'train: { mixup: 0.4, epochs: 1',
  );
  const path = join(folder, `${name}.yaml`);
  writeFileSync(path, `${config}engine: torch\n`);
  const { code, stdout, stderr } = await run([
    command,
    path,
    '--quiet',
    '--json',
    '--out',
    join(folder, name),
  ]);
  expect(code, stderr).toBe(0);
  const results = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  return results.map(({ label, peakMemoryBytes }) => [label, peakMemoryBytes] as const);
}

it.skipIf(!hasTorch)(
  'a method takes the same bytes alone and in every position of a comparison',
  async () => {
    const alone = new Map<unknown, unknown>();
    for (const [i, method] of methods.entries()) {
      for (const [label, bytes] of await peaks(`alone-${i}`, 'train', [method])) alone.set(label, bytes);
    }
    expect(new Set(alone.values()).size).toBe(methods.length);
    const rotated = methods.map((_, i) => [...methods.slice(i), ...methods.slice(0, i)]);
    for (const [i, order] of sampleOf(rotated, 3).entries()) {
      const compared = await peaks(`order-${i}`, 'compare', order);
      expect(compared).toHaveLength(methods.length);
      for (const [label, bytes] of compared) expect([label, bytes]).toEqual([label, alone.get(label)]);
    }
  },
);
