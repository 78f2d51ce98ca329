// Trains each method here and in plain PyTorch (train.py) from the same distributions of initial values on the same
// images, a line of JSON for each finished run. Run again with the same settings it does what is left.
//   npm run -s build && node experiments/peer/accuracy.mjs --data datasets/cifar10 --out accuracy.jsonl
//   node experiments/peer/accuracy.mjs --out accuracy.jsonl --table
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { mean, spread } from '../../dist/core/stats.js';
import { methodsOf } from './methods.mjs';

const { values: args } = parseArgs({
  options: {
    methods: { type: 'string', default: 'hpff,bp,man,infopro,auglocal,dgl,predsim,greedy' },
    seeds: { type: 'string', default: '0,1,2' },
    /** Of ours, bf16 (ours with train.precision: bf16) and peer. */
    sides: { type: 'string', default: 'ours,peer' },
    /** The folder of CIFAR-10's files. */
    data: { type: 'string', default: 'datasets/cifar10' },
    images: { type: 'string', default: '8000' },
    'test-images': { type: 'string', default: '10000' },
    epochs: { type: 'string', default: '5' },
    batch: { type: 'string', default: '128' },
    rate: { type: 'string', default: '0.1' },
    /** Of the images: 32, or less that divides it, each pixel the mean of a square: for slow machines. */
    side: { type: 'string', default: '32' },
    threads: { type: 'string', default: '1' },
    python: { type: 'string', default: 'python3' },
    /** A file of JSON lines, which runs are added to. */
    out: { type: 'string' },
    /** PyTorch starts from our initial values and takes our batches, where it else draws its own: differences of one run. */
    paired: { type: 'boolean', default: false },
    /** Print the table of what is in the file, and train nothing. */
    table: { type: 'boolean', default: false },
  },
});

const titles = { ours: 'ours', bf16: 'ours in bf16', peer: 'PyTorch' };

/** On ResNet-32 cut after every unit. */
const methods = methodsOf({ blocks: 16, depth: 2 });

const listOf = (name, known) => {
  const list = args[name].split(',');
  const lost = list.find((each) => !known(each));
  if (lost === undefined) return list;
  throw new Error(`--${name}: '${lost}' is not known`);
};
const number = (name) => {
  const value = Number(args[name]);
  if (value > 0) return value;
  throw new Error(`--${name} must be a number above 0, not ${args[name]}`);
};
if (args.out === undefined) throw new Error('--out: say which file of JSON lines runs are added to');
const settings = {
  images: number('images'),
  testImages: number('test-images'),
  epochs: number('epochs'),
  batch: number('batch'),
  learningRate: number('rate'),
  imageSide: number('side'),
  paired: args.paired,
};
if (32 % settings.imageSide !== 0) throw new Error(`--side must divide 32, not ${settings.imageSide}`);
const imageShape = [settings.imageSide, settings.imageSide, 3];
const threads = number('threads');
const wanted = listOf('methods', (name) => name in methods);
const sides = listOf('sides', (name) => name in titles);
const seeds = listOf('seeds', (seed) => /^\d+$/.test(seed)).map(Number);

const finished = () =>
  existsSync(args.out)
    ? readFileSync(args.out, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line))
    : [];
const sameSettings = (run) => Object.entries(settings).every(([key, value]) => run[key] === value);

/** Accuracy after the last epoch, in percent; the differences are of the first side asked for to the others. */
function printTable(runs) {
  const [first, ...others] = sides;
  const heads = [
    ...sides.map((side) => `${titles[side]}: mean ± spread (seeds)`),
    ...others.map((side) => `difference to ${titles[side]}`),
  ];
  console.log(`| method | ${heads.join(' | ')} |`);
  console.log(`| --- |${heads.map(() => ' --: |').join('')}`);
  for (const method of Object.keys(methods)) {
    const last = (side) =>
      runs
        .filter((run) => run.method === method && run.side === side)
        .map(({ accuracies }) => 100 * accuracies.at(-1));
    const found = Object.fromEntries(sides.map((side) => [side, last(side)]));
    if (sides.every((side) => found[side].length === 0)) continue;
    const cell = (values) => {
      if (values.length === 0) return '';
      const { mean: centre, deviation } = spread(values);
      const around = deviation === undefined ? '' : ` ± ${deviation.toFixed(1)}`;
      return `${centre.toFixed(1)}${around} (${values.length})`;
    };
    const differences = others.map((side) =>
      found[first].length > 0 && found[side].length > 0
        ? (mean(found[first]) - mean(found[side])).toFixed(1)
        : '',
    );
    console.log(`| ${[method, ...sides.map((side) => cell(found[side])), ...differences].join(' | ')} |`);
  }
}

/** The split with images of the side asked for. */
function shrunk(split) {
  const { imageSide: side } = settings;
  const factor = 32 / side;
  if (factor === 1) return split;
  // Loaders read memory that is shared with their workers.
  const images = new Uint8Array(new SharedArrayBuffer(split.size * side * side * 3));
  for (let i = 0; i < images.length; i++) {
    const [channel, x, y] = [i % 3, Math.floor(i / 3) % side, Math.floor(i / (3 * side))];
    let sum = 0;
    for (let dy = 0; dy < factor; dy++)
      for (let dx = 0; dx < factor; dx++)
        sum += split.images[((y * factor + dy) * 32 + x * factor + dx) * 3 + channel];
    images[i] = Math.round(sum / factor ** 2);
  }
  return { ...split, images };
}

/** What `use` makes of a strategy in its initial state, which is freed. */
async function withStrategy(method, seed, use) {
  const { buildStrategy, disposeNetwork, resnetCifar } = locallearn;
  const network = resnetCifar({ layers: 32, classes: 10, imageShape, seed });
  const strategy = buildStrategy(network, { method, ...methods[method].ours });
  try {
    return await use(strategy);
  } finally {
    strategy.dispose();
    disposeNetwork(network);
  }
}

async function trainOurs(dataset, strategy, seed, precision) {
  const { epochs } = await locallearn.train(strategy, dataset, {
    seed,
    engine,
    epochs: settings.epochs,
    batchSize: settings.batch,
    lastBatch: 'drop',
    learningRate: settings.learningRate,
    schedule: 'cosine-steps',
    precision,
    captureSteps: true,
  });
  return {
    accuracies: epochs.map(({ evaluationAccuracy }) => evaluationAccuracy),
    testLosses: epochs.map(({ evaluationLoss }) => evaluationLoss),
    trainLosses: epochs.map(({ updateLosses }) => Object.values(updateLosses)),
  };
}

async function trainPeer(files, method, seed) {
  const program = fileURLToPath(new URL('train.py', import.meta.url));
  const child = spawn(args.python, [program], { stdio: ['pipe', 'pipe', 'inherit'] });
  const request = {
    ...{ method, layers: 32, K: method === 'bp' ? 1 : 16, depth: 2 },
    options: { ...methods[method].peer, image_size: settings.imageSide },
    ...{ seed, threads, ...settings, ...files },
  };
  child.stdin.end(`${JSON.stringify(request)}\n`);
  const epochs = [];
  for await (const line of createInterface({ input: child.stdout })) epochs.push(JSON.parse(line));
  if (epochs.length < settings.epochs) {
    throw new Error(
      `${args.python} ended early: it needs torch and numpy (Debian: python3-torch python3-numpy)`,
    );
  }
  return {
    accuracies: epochs.map(({ accuracy }) => accuracy),
    testLosses: epochs.map(({ testLoss }) => testLoss),
    trainLosses: epochs.map(({ losses }) => losses),
  };
}

if (args.table) {
  printTable(finished().filter(sameSettings));
  process.exit();
}

// Read by libtorch when it is loaded.
process.env.OMP_NUM_THREADS = String(threads);
const locallearn = await import('../../dist/index.js');
const { writeStart } = await import('./start.mjs');
const { engine } = await locallearn.selectEngine('torch');
// Mirrored at random, and no more: both sides do that alike. The images are the same for every seed.
const augmentation = { crop: { kind: 'padded', pad: 0 } };
const loaded = await locallearn.loadDataset(
  {
    name: 'cifar10',
    dir: args.data,
    trainImages: settings.images,
    testImages: settings.testImages,
    augmentation,
  },
  0,
);
const dataset = { ...loaded, imageShape, train: shrunk(loaded.train), test: shrunk(loaded.test) };
const folder = mkdtempSync(join(tmpdir(), 'locallearn-accuracy-'));
try {
  const files = Object.fromEntries(
    ['train', 'test'].map((split) => {
      const paths = { images: join(folder, `${split}.images`), labels: join(folder, `${split}.labels`) };
      writeFileSync(paths.images, dataset[split].images);
      writeFileSync(paths.labels, Uint8Array.from(dataset[split].labels));
      return [split, paths];
    }),
  );
  const asked = wanted.flatMap((method) =>
    seeds.flatMap((seed) => sides.map((side) => ({ method, seed, side }))),
  );
  for (;;) {
    const done = finished().filter(sameSettings);
    const left = asked.filter(
      ({ method, seed, side }) =>
        !done.some((run) => run.method === method && run.seed === seed && run.side === side),
    );
    console.error(`${left.length} of ${asked.length} runs left`);
    if (left.length === 0) break;
    const { method, seed, side } = left[0];
    const start = performance.now();
    const startOfOurs = () =>
      withStrategy(method, seed, (strategy) =>
        writeStart(folder, method, strategy, dataset, { ...settings, seed }),
      );
    const result =
      side === 'peer'
        ? await trainPeer({ ...files, ...(args.paired ? await startOfOurs() : {}) }, method, seed)
        : await withStrategy(method, seed, (strategy) =>
            trainOurs(dataset, strategy, seed, side === 'bf16' ? 'bf16' : 'float32'),
          );
    const minutes = (performance.now() - start) / 60_000;
    appendFileSync(args.out, `${JSON.stringify({ side, method, seed, ...settings, ...result, minutes })}\n`);
  }
  printTable(finished().filter(sameSettings));
} finally {
  rmSync(folder, { recursive: true });
}
