import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { randomStream } from '../../src/core/random.js';
import { disposeNetwork, type Network } from '../../src/networks/network.js';
import { resnetCifar } from '../../src/networks/resnet-cifar.js';
import type { TrainedNetwork } from '../../src/runs/trained-network.js';
import { softmax } from '../../src/study/confusion.js';
import { logitsOf } from '../../src/study/logits.js';
import { imageFilesOf, predictFiles, type Prediction } from '../../src/study/predict-files.js';
import { startEngine } from '../support/engine.js';

const imageShape = [12, 12, 1] as const;
const classes = ['a', 'b', 'c'];
let folder: string;
let network: Network;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'locallearn-predict-'));
  await startEngine();
  network = resnetCifar({ layers: 8, classes: 3, imageShape, seed: 1 });
});
afterAll(() => {
  disposeNetwork(network);
  rmSync(folder, { recursive: true });
});

function trained(border: number): TrainedNetwork {
  const reading = { crop: 'padded', border, background: [255, 255, 255] } as const;
  const use = { classes, imageShape, mean: [0.4], std: [0.2], reading };
  return { network, use, method: 'bp', dispose: () => undefined };
}

async function writePicture(name: string, side: number): Promise<Uint8Array> {
  const random = randomStream(1, name);
  const pixels = Uint8Array.from({ length: side * side }, () => Math.floor(256 * random.uniform()));
  const raw = { width: side, height: side, channels: 1 } as const;
  await sharp(pixels, { raw }).toColourspace('b-w').png().toFile(join(folder, name));
  return pixels;
}

/** In the middle of zeros. */
function padded(pixels: Uint8Array, side: number): Uint8Array {
  const border = (12 - side) / 2;
  const inside = (at: number): boolean => at >= border && at < border + side;
  return Uint8Array.from({ length: 144 }, (_, i) => {
    const [y, x] = [Math.floor(i / 12), i % 12];
    return inside(y) && inside(x) ? pixels[(y - border) * side + x - border]! : 0;
  });
}

async function collected(border: number, files: readonly string[]): Promise<Prediction[]> {
  const all: Prediction[] = [];
  const options = { top: 3, workers: 0 };
  for await (const each of predictFiles(trained(border), files, options)) all.push(each as Prediction);
  return all;
}

test.each([0, 2])('answers as the network does to the same bytes, with a border of %i', async (border) => {
  const side = 12 - 2 * border;
  const names = ['1.png', '2.png', '3.png'].map((name) => `${border}-${name}`);
  const pictures: Uint8Array[] = [];
  for (const name of names) pictures.push(await writePicture(name, side));
  const files = names.map((name) => join(folder, name));
  const predictions = await collected(border, files);
  expect(predictions.map(({ file }) => file)).toEqual(files);
  const bytes = Uint8Array.from(pictures.flatMap((pixels) => [...padded(pixels, side)]));
  const normalization = { mean: [0.4], std: [0.2] };
  const expected = logitsOf(network, bytes, imageShape, normalization).map(softmax);
  for (const [i, prediction] of predictions.entries()) {
    const byName = new Map(prediction.classes.map(({ name, probability }) => [name, probability]));
    expect(classes.map((name) => byName.get(name))).toEqual(expected[i]);
  }
});

test('says of each file of which none can be decoded why', async () => {
  const files = ['no-1.png', 'no-2.png'].map((name) => join(folder, name));
  for (const file of files) writeFileSync(file, 'not an image');
  const told = await collected(0, files);
  expect(told).toEqual(files.map((file) => ({ file, reason: expect.any(String) as string })));
});

test('refuses for a network of images of five channels, which no file holds', async () => {
  const own = trained(0);
  const use = { ...own.use, imageShape: [12, 12, 5] as const, mean: Array(5).fill(0), std: Array(5).fill(1) };
  await expect(predictFiles({ ...own, use }, ['x.png'], { top: 1, workers: 0 }).next()).rejects.toThrow(
    'the network was trained on images of 5 channels, and image files hold 1 or 3: predictImages takes arrays',
  );
});

test('finds the images of a folder in the order of their names, and refuses what is not there', async () => {
  const nested = join(folder, 'nested');
  mkdirSync(join(nested, 'deeper'), { recursive: true });
  for (const name of ['b.png', 'a.jpg', 'notes.txt', 'deeper/c.webp']) writeFileSync(join(nested, name), '');
  expect(await imageFilesOf([nested])).toEqual(
    ['a.jpg', 'b.png', 'deeper/c.webp'].map((name) => join(nested, name)),
  );
  await expect(imageFilesOf([join(folder, 'nowhere')])).rejects.toThrow('nowhere');
  mkdirSync(join(nested, 'empty'));
  await expect(imageFilesOf([join(nested, 'empty')])).rejects.toThrow('no images in this folder');
});
