// Time and memory of a training step against depth and against batch: node experiments/benchmarks/scale.mjs
// Every unit is a block of its own, AugLocal's depth is 2. Writes experiments/results/scale/{scale.json,depth.svg,
// batch.svg,README.md}, scale.json after each point: what is in it is not measured again. `npm run build` first.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { drawScale } from './scale-figure.mjs';

const { values: args } = parseArgs({
  options: {
    methods: { type: 'string', default: 'bp,auglocal,man,hpff' },
    depths: { type: 'string', default: '32,56,110,218' },
    batches: { type: 'string', default: '32,64,128,256' },
    /** At which depths are compared, and the depth at which batches are. */
    batch: { type: 'string', default: '64' },
    depth: { type: 'string', default: '32' },
    /** Timed, of which the median counts. */
    steps: { type: 'string', default: '5' },
    out: { type: 'string', default: fileURLToPath(new URL('../results/scale', import.meta.url)) },
  },
});
const numbers = (list) => list.split(',').map(Number);
const [batch, depth, steps] = [args.batch, args.depth, args.steps].map(Number);
const methods = args.methods.split(',');
const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const machine = `${cpus()[0].model.trim()}, ${cpus().length} cores`;
const file = `${args.out}/scale.json`;

/** Units behind the stem. */
const unitsOf = (depth) => (depth - 2) / 2;

/** K that makes every unit a block: the published code's K counts one more on ResNet-32, AugLocal's the stem. */
const blocksOf = (method, depth) => unitsOf(depth) + (method === 'auglocal' || depth === 32 ? 1 : 0);

const wanted = [
  ...numbers(args.depths).map((depth) => ({ depth, batch })),
  ...numbers(args.batches).map((batch) => ({ depth, batch })),
]
  .filter((each, i, all) => i === all.findIndex((other) => isAt(other, each)))
  .flatMap((each) => methods.map((method) => ({ method, ...each })));

function isAt(a, b) {
  return a.depth === b.depth && a.batch === b.batch;
}

/** A process of its own: another point's allocations cannot count. */
function measure({ method, depth, batch }) {
  const options = { methods: method, layers: depth, batch, blocks: blocksOf(method, depth), steps };
  const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const { stdout, stderr, status } = spawnSync(process.execPath, [program, 'bench', ...flags, '--json'], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${method}, ResNet-${depth}, batch ${batch}: ${stderr}`);
  const { imagesPerSecond, peakMemoryBytes, heldMemoryBytes, engine, memoryMeter } = JSON.parse(stdout);
  return {
    ...{ method, depth, units: unitsOf(depth), batch, engine, memoryMeter },
    ...{ secondsPerStep: batch / imagesPerSecond, peakMemoryBytes, heldMemoryBytes },
  };
}

/** Points measured with the same machine and steps; others are no part of this. */
function finished() {
  if (!existsSync(file)) return [];
  const before = JSON.parse(readFileSync(file, 'utf8'));
  if (before.machine === machine && before.steps === steps) return before.points;
  throw new Error(`${file} was measured on another machine or with other steps: move it away, or pass --out`);
}

mkdirSync(args.out, { recursive: true });
const points = finished();
const has = (point) => points.some((other) => other.method === point.method && isAt(other, point));
const missing = wanted.filter((point) => !has(point));
/** How long a point takes, but for a factor that the first ones tell: by what a step does to each unit of an image. */
const weights = { bp: 1, auglocal: 2.5, man: 4, hpff: 5 };
const work = ({ method, depth, batch }) => (weights[method] ?? 3) * unitsOf(depth) * batch;
const start = performance.now();
let done = 0;
missing.forEach((point, i) => {
  const before = performance.now();
  points.push(measure(point));
  writeFileSync(file, `${JSON.stringify({ machine, node: process.version, steps, points }, null, 1)}\n`);
  done += work(point);
  const left = missing.slice(i + 1).reduce((sum, each) => sum + work(each), 0);
  const minutes = ((performance.now() - start) / done) * (left / 60_000);
  const took = ((performance.now() - before) / 1000).toFixed(0);
  process.stderr.write(
    `${i + 1}/${missing.length} ${point.method}, ResNet-${point.depth}, batch ${point.batch}: ${took} s; about ${minutes.toFixed(1)} min to go\n`,
  );
});

const at = (keep) =>
  wanted
    .filter(keep)
    .map((point) => points.find((other) => other.method === point.method && isAt(other, point)));
const byDepth = at((point) => point.batch === batch && numbers(args.depths).includes(point.depth));
const byBatch = at((point) => point.depth === depth && numbers(args.batches).includes(point.batch));
const command = ['node experiments/benchmarks/scale.mjs', ...process.argv.slice(2)].join(' ');
drawScale(args.out, { command, machine, steps, methods, batch, depth, byDepth, byBatch });
