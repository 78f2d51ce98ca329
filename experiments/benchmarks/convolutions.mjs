// How far a training step is from its convolutions, and those from oneDNN's, on the very shapes that the step uses:
//   npm run build && node experiments/benchmarks/convolutions.mjs --method auglocal --batch 128 [--json] [--shapes]
// Each convolution of the step runs alone, ours and libtorch's (oneDNN, channels last, as plain PyTorch would call it
// at best) taking turns; the medians are added up by how often the step runs them. Ours resizes its input where the step's
// does; libtorch's gets it resized.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { median } from '../../dist/core/stats.js';
import { loadNative } from '../../dist/engine/torch/load-native.js';

const { values: args } = parseArgs({
  options: {
    method: { type: 'string', default: 'bp' },
    batch: { type: 'string', default: '128' },
    layers: { type: 'string', default: '32' },
    blocks: { type: 'string', default: '16' },
    steps: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '7' },
    json: { type: 'boolean', default: false },
    /** Tells of each shape too. */
    shapes: { type: 'boolean', default: false },
  },
});

/** The step's shapes and its time without the profile's own cost, from a process of its own. */
function profileStep() {
  const { method, batch, layers, blocks, steps } = args;
  const flags = Object.entries({ method, batch, layers, blocks, steps }).flatMap(([name, value]) => [
    `--${name}`,
    value,
  ]);
  const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
  const { stdout, stderr, status } = spawnSync(process.execPath, [program, 'profile', ...flags, '--json'], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

const native = loadNative();
const operators = {
  permute: native.op('aten::permute'),
  forward: native.op('aten::convolution'),
  backward: native.op('aten::convolution_backward'),
  ourForward: native.op('locallearn::conv'),
  ourBackward: native.op('locallearn::conv_backward'),
};
const free = (results) => [results].flat().forEach((tensor) => tensor?.dispose());

function random(shape) {
  const values = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => Math.random() - 0.5);
  return native.fromTypedArray(values, shape, 'float32', 'cpu');
}

/** The three passes of one shape, by both; each a function that runs it once. */
function passesOf({ input: [n, c, h, w], resizedFrom, filter: [out, , kh, kw], stride, padding, groups }) {
  const [s, p] = [stride[0], padding[0]];
  const outputs = (size, taps) => Math.floor((size + 2 * p - taps) / s) + 1;
  const [oh, ow] = [outputs(h, kh), outputs(w, kw)];
  const x = random([n, h, w, c]);
  const resized = resizedFrom.length > 0 ? [h, w] : [];
  const small = resizedFrom.length > 0 ? random([n, ...resizedFrom, c]) : x;
  const dy = random([n, oh, ow, out]);
  const hwio = random([kh, kw, c / groups, out]);
  const channelsFirst = (tensor) => operators.permute(tensor, [0, 3, 1, 2]);
  const [xFirst, dyFirst] = [channelsFirst(x), channelsFirst(dy)];
  const oihw = channelsFirst(random([out, kh, kw, c / groups]));
  const rest = [[s, s], [p, p], [1, 1], false, [0, 0], groups];
  const library = (mask) => () => free(operators.backward(dyFirst, xFirst, oihw, null, ...rest, mask));
  const ours = (data, weights) => () =>
    free(operators.ourBackward(dy, small, hwio, false, s, p, groups, resized, data, false, weights));
  return {
    flops: 2 * n * oh * ow * out * (c / groups) * kh * kw,
    forward: {
      library: () => free(operators.forward(xFirst, oihw, null, ...rest)),
      ours: () => free(operators.ourForward(small, hwio, null, s, p, groups, resized)),
    },
    backwardData: { library: library([true, false, false]), ours: ours(true, false) },
    backwardWeights: { library: library([false, true, false]), ours: ours(false, true) },
  };
}

/** Seconds of each side, taking turns; the first round of each is not counted. */
function race(sides) {
  const seconds = { ours: [], library: [] };
  for (let round = -1; round < Number(args.rounds); round++) {
    for (const side of ['ours', 'library']) {
      const start = performance.now();
      sides[side]();
      if (round >= 0) seconds[side].push((performance.now() - start) / 1000);
    }
  }
  return { ours: median(seconds.ours), library: median(seconds.library) };
}

/** What the processor multiplies and adds at most, in operations a second: the best of some rounds. */
function peakOperations() {
  const rates = Array.from({ length: 5 }, () => {
    const start = performance.now();
    const operations = native.multiplyAdds(2e7);
    return (1000 * operations) / (performance.now() - start);
  });
  return Math.max(...rates);
}

const step = profileStep();
native.setThreads(step.threads);
const peak = peakOperations();
const totals = Object.fromEntries(
  ['forward', 'backwardData', 'backwardWeights'].map((pass) => [pass, { ours: 0, library: 0, flops: 0 }]),
);
const shapes = [];
for (const convolution of step.convolutions) {
  const passes = passesOf(convolution);
  const { input, filter, stride, resizedFrom } = convolution;
  const shape = { input, filter, stride, resizedFrom };
  for (const [pass, total] of Object.entries(totals)) {
    const runs = convolution[pass];
    if (runs === 0) continue;
    const { ours, library } = race(passes[pass]);
    shapes.push({ ...shape, pass, runs, ours, library, flops: passes.flops });
    total.ours += runs * ours;
    total.library += runs * library;
    total.flops += runs * passes.flops;
  }
}
const sum = (side) => Object.values(totals).reduce((total, each) => total + each[side], 0);
const result = {
  ...{ method: args.method, batch: Number(args.batch), layers: Number(args.layers), threads: step.threads },
  stepSeconds: step.plainMilliseconds / 1000,
  peakGigaflops: peak / 1e9,
  passes: totals,
  shapes,
  ours: { seconds: sum('ours'), gigaflops: sum('flops') / sum('ours') / 1e9 },
  library: { seconds: sum('library'), gigaflops: sum('flops') / sum('library') / 1e9 },
};
if (args.json) {
  console.log(JSON.stringify(result));
} else {
  const row = (name, { ours, library, flops }) => {
    const cell = (value, digits) => value.toFixed(digits).padStart(10);
    const rate = (seconds) => cell(flops / seconds / 1e9, 0);
    const share = (seconds) => `${cell((100 * flops) / seconds / peak, 0)} %`;
    console.log(
      name.padEnd(18) +
        cell(1000 * ours, 1) +
        cell(1000 * library, 1) +
        rate(ours) +
        rate(library) +
        share(ours),
    );
  };
  console.log(
    `the processor multiplies and adds at ${(peak / 1e9).toFixed(0)} GFLOP/s on ${step.threads} threads`,
  );
  console.log('pass                  ours ms   oneDNN ms    GFLOP/s    oneDNN  of the peak');
  for (const [pass, total] of Object.entries(totals)) row(pass, total);
  for (const { input, filter, stride, resizedFrom, pass, runs, ...each } of args.shapes ? shapes : []) {
    const from = resizedFrom.length > 0 ? `, resized from ${resizedFrom.join('×')}` : '';
    console.log(`[${input}] × [${filter}], stride ${stride[0]}${from}, ${runs} times:`);
    row(`  ${pass}`, each);
  }
  row('all', { ours: sum('ours'), library: sum('library'), flops: sum('flops') });
  const share = (seconds) => `${((100 * seconds) / result.stepSeconds).toFixed(0)} %`;
  console.log(
    `a step takes ${(1000 * result.stepSeconds).toFixed(0)} ms: its convolutions alone ${share(sum('ours'))} of it; in oneDNN they would take ${share(sum('library'))}`,
  );
}
