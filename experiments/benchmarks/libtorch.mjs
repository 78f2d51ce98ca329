// Speed and memory of training steps on several builds of the bridge, taking turns: `npm run -s build` first, then
//   LIBTORCH=FOLDER LOCALLEARN_BRIDGE=native/build/newest npm run build:native
//   node experiments/benchmarks/libtorch.mjs native/build native/build/newest [--batch 128] [--rounds 3] …
// Prints a Markdown table: the median of the rounds, the peak of each, and both as ratios to the first build's.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { median } from '../../dist/core/stats.js';

const { values: args, positionals: builds } = parseArgs({
  allowPositionals: true,
  options: {
    methods: { type: 'string', default: 'bp,auglocal,man,hpff' },
    batch: { type: 'string', default: '128' },
    steps: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
  },
});
const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const versions = builds.map(
  (build) => JSON.parse(readFileSync(join(build, 'build.json'), 'utf8')).libtorch.version,
);

/** A process of its own: one has one libtorch. */
function measure(build, method) {
  const options = [
    '--methods',
    method,
    '--batch',
    args.batch,
    '--steps',
    args.steps,
    '--engine',
    'torch',
    '--json',
  ];
  const env = { ...process.env, LOCALLEARN_BRIDGE: build };
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, 'bench', ...options], {
    env,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

console.log(`ResNet-32, K = 16, batch ${args.batch}, ${cpus()[0].model.trim()}, ${cpus().length} cores\n`);
const cells = (name, versions) => versions.map((version) => `${version}: ${name}`);
const header = [
  '',
  ...cells('images/s', versions),
  ...cells('×', versions.slice(1)),
  ...cells('peak', versions),
  ...cells('×', versions.slice(1)),
];
console.log(`| ${header.join(' | ')} |\n| ${header.map((_, i) => (i === 0 ? '---' : '---:')).join(' | ')} |`);
for (const method of args.methods.split(',')) {
  const runs = Array.from({ length: Number(args.rounds) }, () =>
    builds.map((build) => measure(build, method)),
  );
  const speeds = builds.map((_, i) => median(runs.map((round) => round[i].imagesPerSecond)));
  const peaks = builds.map((_, i) => Math.max(...runs.map((round) => round[i].peakMemoryBytes)));
  const ratios = (values) => values.slice(1).map((value) => (value / values[0]).toFixed(2));
  const megabytes = peaks.map((bytes) => `${(bytes / 1e6).toFixed(0)} MB`);
  console.log(
    `| ${[method, ...speeds.map((speed) => speed.toFixed(0)), ...ratios(speeds), ...megabytes, ...ratios(peaks)].join(' | ')} |`,
  );
}
