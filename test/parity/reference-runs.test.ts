import { readdirSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { readGoldenFile } from '../../src/parity/golden-file.js';
import { checkParity } from '../../src/parity/parity.js';
import { publishedMethods } from '../../src/parity/published/all.js';
import { torchEngine } from '../support/device.js';
import { hasTorch, startEngine } from '../support/engine.js';
import { sampleOf } from '../support/fuzz.js';

// Made by experiments/parity/reference.py: what no published run has, where nothing amplifies rounding.
const sharp = 'test/fixtures/golden/reference/sharp';
const imagenet = 'test/fixtures/golden/reference/imagenet';
const readable = (name: string): boolean =>
  publishedMethods.some((method) => method.name === readGoldenFile(`${sharp}/${name}`).method);
const names = readdirSync(sharp)
  .filter((name) => name.endsWith('.json'))
  .filter(readable);

describe.skipIf(!hasTorch)('on torch', () => {
  beforeAll(async () => {
    await startEngine(torchEngine);
  });

  test('contrast is among them with every head of the InfoPro family', () => {
    const heads = names
      .filter((name) => name.startsWith('infopro-contrast-'))
      .map((name) => name.slice(-9, -5));
    expect(heads).toEqual(['0c1f', '0c2f', '1c1f', '1c3f', '2c2f']);
  });

  const paths = [...names.map((name) => `${sharp}/${name}`), `${imagenet}/hpff-resnet34-k4.json`];
  test.each(sampleOf(paths, 8))('%s', { timeout: 300_000 }, (path) => {
    expect(checkParity(readGoldenFile(path))).toMatchObject({ missing: [], surplus: [], pass: true });
  });
});
