// What bench.mjs runs.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { UserError } from '../../dist/core/errors.js';
import { thisMachine } from '../../dist/core/machine.js';
import { median } from '../../dist/core/stats.js';
import { pythons } from '../../scripts/pythons.mjs';
import { findPython } from './find-python.mjs';
import { kinds, peersOf, startPeer } from './kinds.mjs';
import { methodsOf } from './methods.mjs';

const { values: args } = parseArgs({
  options: {
    methods: { type: 'string', default: 'bp,auglocal,man,hpff' },
    /** Kinds of PyTorch, by commas (kinds.mjs). */
    peer: { type: 'string', default: 'plain' },
    batch: { type: 'string', default: '128' },
    /** Layers of the CIFAR ResNet. */
    layers: { type: 'string', default: '32' },
    /** K; and AugLocal's depth d. */
    blocks: { type: 'string', default: '16' },
    depth: { type: 'string', default: '2' },
    /** Of `steps` timed steps each, all taking turns. */
    rounds: { type: 'string', default: '4' },
    steps: { type: 'string', default: '2' },
    threads: { type: 'string', default: String(availableParallelism()) },
    device: { type: 'string', default: 'cpu' },
    /** float32, or bf16: ours with train.precision: bf16, PyTorch under autocast; our evaluation is float32 in both. */
    precision: { type: 'string', default: 'float32' },
    /** Pythons, by commas; the first of several that has torch, if none is named. */
    python: { type: 'string' },
    evaluate: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const number = (name) => {
  const value = Number(args[name]);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new UserError(`--${name} must be a whole number from 1, not ${args[name]}`);
};
const [batch, layers, blocks, depth] = ['batch', 'layers', 'blocks', 'depth'].map(number);
const [rounds, steps, threads] = ['rounds', 'steps', 'threads'].map(number);
const { device } = args;
if (device !== 'cpu' && device !== 'cuda') throw new UserError(`--device must be cpu or cuda, not ${device}`);
const { precision } = args;
if (precision !== 'float32' && precision !== 'bf16')
  throw new UserError(`--precision must be float32 or bf16, not ${precision}`);
const methods = methodsOf({ blocks, depth });
const listOf = (name, known) => {
  const list = args[name].split(',');
  const lost = list.find((each) => !known.includes(each));
  if (lost === undefined) return list;
  throw new UserError(`--${name}: ${lost} is none of ${known.join(', ')}`);
};
const wanted = listOf('methods', Object.keys(methods));
const wantedKinds = listOf('peer', kinds);
const warmupSteps = device === 'cpu' ? 2 : 5;
/** Of losses of the first step, relative to the largest: by float32's rounding, on a GPU by TF32's, or by bfloat16's. */
const allowed = precision === 'bf16' ? 5e-2 : device === 'cpu' ? 1e-3 : 2e-2;

// Read by libtorch when it is loaded.
process.env.OMP_NUM_THREADS = String(threads);
// Our engine sets how its threads wait; peers wait as PyTorch does by itself.
const peersEnvironment = { ...process.env };
const { selectEngine } = await import('../../dist/index.js');
const { openOurs } = await import('./ours.mjs');

/** The widest of the processor's instructions that matter here. */
function instructions() {
  try {
    const flags = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(/\s+/) ?? [];
    return ['avx2', 'avx512f', 'avx512_bf16', 'amx_bf16'].filter((flag) => flags.includes(flag));
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return [];
  }
}

/** That a peer computes what we do: the losses of one step from the same values on the same batch. */
function checkLosses(label, method, found, expected) {
  const scale = Math.max(...expected.map(Math.abs));
  const off =
    found.length === expected.length
      ? Math.max(...expected.map((loss, i) => Math.abs(found[i] - loss))) / scale
      : Infinity;
  // A NaN is not below either.
  if (off <= allowed) return;
  throw new UserError(
    `${method}: the losses of ${label} are ${off.toExponential(1)} off ours, where ${allowed} is allowed: nothing was timed`,
  );
}

/** Ours and all peers, which take turns. */
async function measure(engine, peers, method, what) {
  const ours = openOurs(engine, method, methods[method].ours, { layers, batch, device, precision });
  const folder = mkdtempSync(join(tmpdir(), 'locallearn-peer-'));
  const sides = [{ side: ours, seconds: [] }];
  try {
    const settings = {
      ...{ method, layers, K: blocks, depth, threads, device, precision, options: methods[method].peer },
      files: ours.writeStart(folder),
    };
    const expected = ours.firstLosses();
    for (const peer of peers) {
      const side = await startPeer(peer, settings, peersEnvironment);
      sides.push({ side, seconds: [], peer });
      checkLosses(peer.label, method, await side.firstLosses(), expected);
    }
    for (let round = -1; round < rounds; round++) {
      for (const each of sides) {
        const result = await each.side.run(what, round < 0 ? warmupSteps : steps);
        if (round >= 0) each.seconds.push(...result.seconds);
        each.peakBytes = result.peakBytes;
      }
    }
  } finally {
    for (const { side } of sides) side.close();
    rmSync(folder, { recursive: true });
  }
  const [own, ...others] = sides.map(({ seconds, peakBytes, peer }) => ({
    ...(peer === undefined ? {} : { kind: peer.kind, torch: peer.torch, allocator: peer.name }),
    imagesPerSecond: batch / median(seconds),
    peakMemoryBytes: peakBytes,
  }));
  const compared = others.map((each) => ({
    ...each,
    speed: own.imagesPerSecond / each.imagesPerSecond,
    memory: own.peakMemoryBytes / each.peakMemoryBytes,
  }));
  return {
    method: what === 'evaluate' ? 'evaluation' : method,
    ...{ layers, batch, threads, precision, steps: rounds * steps, ours: own, peers: compared },
    /** Ours over the fastest of the peers. */
    speed: Math.min(...compared.map(({ speed }) => speed)),
  };
}

function printRows({ method, ours, peers }) {
  const cell = (value, width, digits = 0) => value.toFixed(digits).padStart(width);
  const rates = `${method.padEnd(11)}${cell(batch, 6)}${cell(ours.imagesPerSecond, 10)}${cell(ours.peakMemoryBytes / 1e6, 9)}`;
  peers.forEach(({ kind, torch, imagesPerSecond, speed, peakMemoryBytes, memory }, i) => {
    const start = i === 0 ? rates : ' '.repeat(rates.length);
    const peer = `  ${`${kind}, torch ${torch}`.padEnd(28)}`;
    const figures = `${cell(imagesPerSecond, 9)}${cell(speed, 7, 2)}${cell(peakMemoryBytes / 1e6, 9)}${cell(memory, 7, 2)}`;
    console.log(start + peer + figures);
  });
}

const named = args.python === undefined ? undefined : args.python.split(',');
const found = named?.map((python) => findPython([python])) ?? [findPython(pythons())];
const peers = peersOf(wantedKinds, found, device);
const { engine } = await selectEngine(device === 'cpu' ? 'torch' : 'torch-cuda');
const machine = {
  ...thisMachine(),
  ...{ instructions: instructions(), threads, device, engine: engine.description, load: loadavg()[0] },
};
const cases = [...wanted.map((method) => [method, 'train']), ...(args.evaluate ? [['bp', 'evaluate']] : [])];
if (args.json) console.log(JSON.stringify({ machine }));
else {
  const { cpu, cores, system, node } = machine;
  console.log(
    `${cpu} (${machine.instructions.join(' ')}), ${threads} of ${cores} cores, ${precision}, load ${machine.load.toFixed(1)}; ${system}, Node ${node}; ${engine.description}`,
  );
  console.log(
    'method      batch  images/s  peak MB  peer                         images/s  ratio  peak MB  ratio',
  );
}
for (const [method, what] of cases) {
  const result = await measure(engine, peers, method, what);
  if (args.json) console.log(JSON.stringify(result));
  else printRows(result);
}
