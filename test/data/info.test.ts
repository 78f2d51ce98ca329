import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import type { Dataset } from '../../src/data/dataset.js';
import { readThrough } from '../../src/data/fetch/read-through.js';
import { datasetInfo, type InfoOptions } from '../../src/data/info.js';
import { loadDataset } from '../../src/data/registry.js';
import { noiseSplit, temporaryFolders } from './helpers.js';

const newFolder = temporaryFolders();
const options: InfoOptions = { images: 1e9, seed: 1, workers: 0 };

const noise: Dataset = {
  name: 'noise',
  classes: ['a', 'b', 'c'],
  imageShape: [6, 5, 3],
  mean: [0.1, 0.2, 0.3],
  std: [0.4, 0.5, 0.6],
  train: noiseSplit(301, 90, 3),
  test: noiseSplit(20, 90, 3),
  augmentation: { crop: { kind: 'padded', pad: 2, padMode: 'zero' }, flip: true },
};

it('counts classes and measures as a plain sum in doubles does', async () => {
  const info = await datasetInfo(noise, options);
  expect(info.classes).toEqual([
    { name: 'a', train: 101, test: 7 },
    { name: 'b', train: 100, test: 7 },
    { name: 'c', train: 100, test: 6 },
  ]);
  expect(info.images).toEqual({ train: 301, test: 20 });
  expect(info.normalisedWith).toEqual({ mean: noise.mean, std: noise.std });
  const { train } = noise;
  if (train.kind !== 'memory') throw new Error('in memory it is');
  for (const c of [0, 1, 2]) {
    const values = [...train.images].filter((_, i) => i % 3 === c).map((value) => value / 255);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    expect(info.measured.mean[c]).toBeCloseTo(mean, 12);
    expect(info.measured.std[c]).toBeCloseTo(Math.sqrt(variance), 12);
  }
  expect(info.measured).toMatchObject({ images: 301, skipped: 0 });
  expect(info.files).toBeUndefined();
});

it('measures so many images as it is told to, and tells how far it is', async () => {
  const progress: [number, number][] = [];
  const onProgress = (done: number, total: number): unknown => progress.push([done, total]);
  const { measured } = await datasetInfo(noise, { ...options, images: 200, onProgress });
  expect(measured.images).toBe(200);
  expect(progress.at(-1)).toEqual([200, 200]);
});

it('finds no spread in images of one colour, exactly', async () => {
  const plain = noiseSplit(50, 90, 3);
  plain.images.fill(77);
  const { measured } = await datasetInfo({ ...noise, train: plain }, options);
  expect(measured.std).toEqual([0, 0, 0]);
  expect(measured.mean).toEqual([77 / 255, 77 / 255, 77 / 255]);
});

it('ends when it is told to', async () => {
  const signal = AbortSignal.abort();
  await expect(datasetInfo(noise, { ...options, signal })).rejects.toThrow('aborted');
});

it('passes over image files that cannot be decoded, and counts them', async () => {
  const dir = newFolder();
  for (const split of ['train', 'test']) {
    for (const name of ['a', 'b']) {
      mkdirSync(join(dir, split, name), { recursive: true });
      const image = sharp({ create: { width: 20, height: 10, channels: 3, background: 'white' } });
      await image.png().toFile(join(dir, split, name, 'good.png'));
    }
  }
  const bad = join(dir, 'train', 'a', 'bad.png');
  writeFileSync(bad, 'no image');
  const dataset = await loadDataset({ name: 'folder', dir, imageSize: 8 }, 1);
  const { measured, files } = await datasetInfo(dataset, options);
  expect(measured).toMatchObject({ images: 2, skipped: 1, mean: [1, 1, 1], std: [0, 0, 0] });
  expect(files?.width).toEqual({ least: 20, median: 20, greatest: 20 });
  const problems = await readThrough(
    dataset,
    { classes: 2, train: 4, test: 2 },
    { decode: true, workers: 0 },
  );
  expect(problems).toEqual([
    expect.stringMatching(/expected 4 training images, found 3$/) as string,
    expect.stringMatching(/bad\.png is no JPEG/) as string,
  ]);
  expect(await readThrough(dataset, undefined, { decode: false, workers: 0 })).toEqual([]);
});
