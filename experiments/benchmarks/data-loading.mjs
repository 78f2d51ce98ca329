// Images a second that the loader delivers, CIFAR-sized (32×32×3 noise) with the papers' augmentation, and how long a
// consumer waits that is slower than the loader. One JSON line a setting. From the project's root, after npm run build:
//   node experiments/benchmarks/data-loading.mjs
import { performance } from 'node:perf_hooks';
import { openLoader } from '../../dist/data/loader.js';
import { emptySplit } from '../../dist/data/split.js';
import { randomStream } from '../../dist/random.js';

const EPOCHS = 5;
const SIZE = 50_000;
/** Of a training step, in ms, for the waiting time; the main thread is blocked meanwhile, as by native code. */
const STEP_MS = 50;
const STEPS = 60;

const split = emptySplit(SIZE, 32 * 32 * 3);
const random = randomStream(0, 'benchmark');
for (let i = 0; i < split.images.length; i++) split.images[i] = random.below(256);
for (let i = 0; i < SIZE; i++) split.labels[i] = i % 10;

const options = {
  imageShape: [32, 32, 3],
  seed: 0,
  shuffle: true,
  augmentation: { pad: 4, padMode: 'reflect', flip: true },
  dropLast: true,
  prefetch: 4,
};

/** The best epoch: the first ones compile and start threads. */
async function throughput(batchSize, workers) {
  const loader = openLoader(split, { ...options, batchSize, workers });
  let best = 0;
  for (let epoch = 1; epoch <= EPOCHS; epoch++) {
    const start = performance.now();
    let images = 0;
    for await (const batch of loader.batches(epoch)) images += batch.size;
    best = Math.max(best, (1000 * images) / (performance.now() - start));
  }
  await loader.close();
  return Math.round(best);
}

/** Percent of the time that the consumer waits, its first batch not counted. */
async function waiting(batchSize, workers) {
  const loader = openLoader(split, { ...options, batchSize, workers });
  const blocked = new Int32Array(new SharedArrayBuffer(4));
  const iterator = loader.batches(1)[Symbol.asyncIterator]();
  await iterator.next();
  let waited = 0;
  for (let step = 0; step < Math.min(STEPS, loader.steps - 1); step++) {
    Atomics.wait(blocked, 0, 0, STEP_MS);
    const asked = performance.now();
    await iterator.next();
    waited += performance.now() - asked;
  }
  const steps = Math.min(STEPS, loader.steps - 1);
  await iterator.return();
  await loader.close();
  return (100 * waited) / (waited + steps * STEP_MS);
}

for (const workers of [0, 1, 2]) {
  for (const batch of [128, 1024]) {
    const imagesPerSecond = await throughput(batch, workers);
    const waitPercent = Number((await waiting(batch, workers)).toFixed(2));
    console.log(JSON.stringify({ workers, batch, imagesPerSecond, stepMs: STEP_MS, waitPercent }));
  }
}
