// How fast batches come, and whether training has to wait for them. From the project's root, after npm run build:
//   npm run bench:data -- [--json] [--images FOLDER] [--engine NAME] [--rounds N]
//
// cifar    images/s of 32×32×3 noise with the papers' crop and flip, by two workers
// waiting  the share of a training step's time that is spent waiting for batches: ResNet-32, BP (the fastest method),
//          batch 128, one worker as in the configs
// files    image files decoded and random-resized-cropped to 224 by two workers, against bare sharp, on the same files
//          with the same crops and the same call, the two in turn; bare sharp knows the files' sizes beforehand and has
//          the best of several numbers of files at once. Without --images on JPEGs made for it, of ImageNet's usual size.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { drawCrop } from '../../dist/data/augment/augmenter.js';
import { sampleStreams } from '../../dist/data/augment/streams.js';
import { rectanglePipeline } from '../../dist/data/files/decode-file.js';
import { openLoader } from '../../dist/data/loader/loader.js';
import { packPaths } from '../../dist/data/files/path-list.js';
import { emptySplit } from '../../dist/data/split.js';
import { buildStrategy, resnetCifar, selectEngine, train } from '../../dist/index.js';
import { randomStream } from '../../dist/core/random.js';
import { median } from '../../dist/core/stats.js';

const { values: args } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    images: { type: 'string' },
    engine: { type: 'string', default: 'auto' },
    rounds: { type: 'string', default: '7' },
  },
});
const rounds = Number(args.rounds);
const seed = 0;
const loading = { seed, shuffle: true, augment: true, dropLast: true, workers: 2, prefetch: 4 };

const cifar = {
  name: 'noise',
  classes: Array.from({ length: 10 }, (_, i) => `class ${i}`),
  imageShape: [32, 32, 3],
  mean: [0.5, 0.5, 0.5],
  std: [0.25, 0.25, 0.25],
  augmentation: { crop: { kind: 'padded', pad: 4, padMode: 'reflect' }, flip: true },
};

function noise(size) {
  const split = emptySplit(size, 32 * 32 * 3);
  const random = randomStream(seed, 'benchmark');
  for (let i = 0; i < split.images.length; i++) split.images[i] = random.below(256);
  for (let i = 0; i < size; i++) split.labels[i] = i % 10;
  return split;
}

async function benchCifar() {
  const loader = openLoader(cifar, noise(50_000), { ...loading, batchSize: 128 });
  const rates = [];
  for (let epoch = 0; epoch <= rounds; epoch++) rates.push(await epochRate(loader, epoch));
  await loader.close();
  // The first epoch also starts the threads and compiles.
  return { imagesPerSecond: Math.round(median(rates.slice(1))), workers: loading.workers, batch: 128 };
}

async function benchWaiting() {
  const { engine } = await selectEngine(args.engine);
  const batchSize = 128;
  const steps = 12;
  const dataset = { ...cifar, train: noise(steps * batchSize), test: noise(batchSize) };
  const network = resnetCifar({ layers: 32, classes: 10, imageShape: cifar.imageShape, seed });
  const strategy = buildStrategy(network, { method: 'bp' });
  const section = { epochs: 3, batchSize, learningRate: 0.01, workers: 1 };
  const { epochs } = await train(strategy, dataset, { ...section, seed, engine });
  const sum = (key) => epochs.reduce((total, epoch) => total + epoch[key], 0);
  return {
    percent: (100 * sum('dataWaitSeconds')) / sum('trainSeconds'),
    secondsAStep: sum('trainSeconds') / (steps * section.epochs),
    method: 'bp',
    network: 'resnet-32',
    batch: batchSize,
    workers: section.workers,
    engine: engine.name,
  };
}

async function benchFiles(folder) {
  const files = readdirSync(folder)
    .filter((name) => /\.jpe?g$/i.test(name))
    .map((name) => join(folder, name));
  if (files.length === 0) throw new Error(`${folder}: there is no .jpg or .jpeg file`);
  const shape = [224, 224, 3];
  const crop = { kind: 'resized', scale: [0.08, 1], ratio: [3 / 4, 4 / 3] };
  const dataset = { ...cifar, imageShape: shape, augmentation: { crop, flip: true } };
  const size = Math.max(1, Math.ceil(512 / files.length)) * files.length;
  const paths = Array.from({ length: size }, (_, i) => files[i % files.length]);
  const split = { kind: 'files', size, paths: packPaths(paths), labels: new Uint16Array(size) };
  const sizes = new Map();
  for (const file of files) sizes.set(file, (await sharp(file).metadata()).autoOrient);

  /** All images once, so many at once. */
  const bare = async (epoch, lanes) => {
    let next = 0;
    const lane = async () => {
      while (next < size) {
        const i = next++;
        const whole = sizes.get(paths[i]);
        const streams = sampleStreams(seed, epoch, i);
        const { rectangle } = drawCrop(streams, crop, true, whole.width, whole.height);
        await rectanglePipeline({ ...whole, bytes: paths[i], hasAlpha: false }, rectangle, shape).toBuffer();
      }
    };
    const start = performance.now();
    await Promise.all(Array.from({ length: lanes }, lane));
    return (1000 * size) / (performance.now() - start);
  };
  const loader = openLoader(dataset, split, { ...loading, batchSize: 32, dropLast: false });
  await epochRate(loader, 0);
  const trials = new Map();
  for (let round = 0; round < 2; round++) {
    for (const lanes of [1, 2, 3, 4]) {
      trials.set(lanes, Math.max(trials.get(lanes) ?? 0, await bare(0, lanes)));
    }
  }
  const [lanes] = [...trials].reduce((best, trial) => (trial[1] > best[1] ? trial : best));
  const [ours, bares] = [[], []];
  const cpu = { ours: 0, bareSharp: 0 };
  const charged = async (whom, rate) => {
    const before = process.cpuUsage();
    const result = await rate();
    const { user, system } = process.cpuUsage(before);
    cpu[whom] += (user + system) / 1000 / size / rounds;
    return result;
  };
  for (let epoch = 1; epoch <= rounds; epoch++) {
    bares.push(await charged('bareSharp', () => bare(epoch, lanes)));
    ours.push(await charged('ours', () => epochRate(loader, epoch)));
  }
  await loader.close();
  return {
    percentOfBareSharp: 100 * median(ours.map((rate, i) => rate / bares[i])),
    imagesPerSecond: median(ours),
    bareImagesPerSecond: median(bares),
    bareFilesAtOnce: lanes,
    // Of all threads; on a machine that others use too, steadier than the time that passes.
    cpuMillisecondsAnImage: cpu,
    workers: loading.workers,
    files: files.length,
    imagesARound: size,
    rounds,
  };
}

/** JPEGs of a photograph's size and about its weight: noise of several scales. */
async function makeImages(folder) {
  const random = randomStream(seed, 'photographs');
  for (let i = 0; i < 32; i++) {
    const layer = async (side, deviation) => {
      const bytes = Buffer.from({ length: side * side * 3 });
      for (let b = 0; b < side * side * 3; b++) bytes[b] = 128 + deviation * (random.uniform() - 0.5);
      const raw = { raw: { width: side, height: side, channels: 3 } };
      return sharp(bytes, raw).resize(500, 375, { fit: 'fill' }).png().toBuffer();
    };
    const fine = { input: await layer(160, 160), blend: 'soft-light' };
    await sharp(await layer(9, 255))
      .composite([fine])
      .jpeg({ quality: 95 })
      .toFile(join(folder, `${i}.jpg`));
  }
}

async function epochRate(loader, epoch) {
  const start = performance.now();
  let images = 0;
  for await (const batch of loader.batches(epoch)) images += batch.size;
  return (1000 * images) / (performance.now() - start);
}

const result = { cifar: await benchCifar(), waiting: await benchWaiting() };
if (args.images === undefined) {
  const folder = mkdtempSync(join(tmpdir(), 'locallearn-bench-'));
  try {
    await makeImages(folder);
    result.files = await benchFiles(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
} else {
  result.files = await benchFiles(args.images);
}

if (args.json) {
  console.log(JSON.stringify(result));
} else {
  const { cifar: small, waiting, files } = result;
  console.log(
    [
      `32×32 images with crop and flip: ${small.imagesPerSecond.toLocaleString('en')} images/s by ${small.workers} workers`,
      `waiting for data: ${waiting.percent.toFixed(2)} % of a step (${waiting.network}, ${waiting.method}, batch ${waiting.batch}, ${waiting.engine})`,
      `JPEGs to random-resized crops of 224: ${files.imagesPerSecond.toFixed(0)} images/s by ${files.workers} workers, ${files.percentOfBareSharp.toFixed(1)} % of bare sharp's ${files.bareImagesPerSecond.toFixed(0)} with ${files.bareFilesAtOnce} at once`,
    ].join('\n'),
  );
}
