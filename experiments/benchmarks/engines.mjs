// The engines beside each other: speed and peak of the demo's methods.
//   npm run build && node experiments/benchmarks/engines.mjs [--engines torch,tensorflow,wasm] [--images 1024] [--rounds 3] [--json]
// The engines take turns, each round a `locallearn compare` of configs/demo.yaml of one epoch in a process of its own;
// printed are the median speed of the rounds, the highest peak, and each as a ratio to the first engine's.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { median } from '../../dist/core/stats.js';

const { values: args } = parseArgs({
  options: {
    engines: { type: 'string', default: 'torch,tensorflow,wasm' },
    images: { type: 'string', default: '1024' },
    rounds: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
  },
});
const engines = args.engines.split(',');
const root = fileURLToPath(new URL('../..', import.meta.url));

/** The summaries of one comparison. */
function compare(engine) {
  const out = mkdtempSync(join(tmpdir(), 'locallearn-engines-'));
  const settings = [`data.trainImages=${args.images}`, 'data.testImages=256', 'train.epochs=1'];
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [
      ...[join(root, 'dist/cli/main.js'), 'compare', join(root, 'configs/demo.yaml')],
      ...['--engine', engine, '--json', '--quiet', '--out', out],
      ...settings.flatMap((setting) => ['--set', setting]),
    ],
    { encoding: 'utf8', maxBuffer: 1 << 26 },
  );
  rmSync(out, { recursive: true });
  if (status !== 0) throw new Error(stderr);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** By method and engine: `{ speeds, peak }`. */
const results = new Map();
for (let round = 0; round < Number(args.rounds); round++) {
  for (const engine of engines) {
    for (const { label, imagesPerSecond, peakMemoryBytes } of compare(engine)) {
      const byEngine = results.get(label) ?? new Map();
      const { speeds = [], peak = 0 } = byEngine.get(engine) ?? {};
      byEngine.set(engine, {
        speeds: [...speeds, imagesPerSecond],
        peak: Math.max(peak, peakMemoryBytes),
      });
      results.set(label, byEngine);
    }
  }
}

const rows = [...results].flatMap(([method, byEngine]) =>
  engines.map((engine) => {
    const first = byEngine.get(engines[0]);
    const { speeds, peak } = byEngine.get(engine);
    const speed = median(speeds);
    const speedRatio = speed / median(first.speeds);
    return { method, engine, speed, speedRatio, peak, peakRatio: peak / first.peak };
  }),
);
if (args.json) for (const row of rows) console.log(JSON.stringify(row));
else {
  console.log('| method | engine | images/s | × | peak, MB | × |\n| --- | --- | ---: | ---: | ---: | ---: |');
  for (const { method, engine, speed, speedRatio, peak, peakRatio } of rows) {
    const cells = [
      method,
      engine,
      speed.toFixed(0),
      speedRatio.toFixed(2),
      (peak / 1e6).toFixed(1),
      peakRatio.toFixed(2),
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
}
