// What bench.mjs runs.
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { UserError } from '../../dist/core/errors.js';
import { pythons } from '../../scripts/pythons.mjs';
import { findPython } from './find-python.mjs';

const { values: args } = parseArgs({
  options: {
    methods: { type: 'string', default: 'bp,auglocal,man,hpff' },
    batch: { type: 'string', default: '128' },
    /** Layers of the CIFAR ResNet. */
    layers: { type: 'string', default: '32' },
    /** K; and AugLocal's depth d. */
    blocks: { type: 'string', default: '16' },
    depth: { type: 'string', default: '2' },
    /** Of `steps` timed steps each, the two taking turns. */
    rounds: { type: 'string', default: '4' },
    steps: { type: 'string', default: '2' },
    threads: { type: 'string', default: String(availableParallelism()) },
    device: { type: 'string', default: 'cpu' },
    /** The first of several that has torch, if none is named. */
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
const warmupSteps = device === 'cpu' ? 2 : 5;

// Read by libtorch when it is loaded.
process.env.OMP_NUM_THREADS = String(threads);
const tf = await import('@tensorflow/tfjs');
const locallearn = await import('../../dist/index.js');

const fading = { ixx_1: 5, ixx_2: 0, ixy_1: 0.5, ixy_2: 0, aux_net_config: '2c2f' };
/** Each method as both sides name its options. */
const methods = {
  bp: { ours: {}, peer: {} },
  auglocal: { ours: { blocks, depth }, peer: { pyramid: true, pyramid_coeff: 0.5 } },
  man: { ours: { blocks, ramp: 'stages' }, peer: { ...fading, momentum: 0.995 } },
  hpff: { ours: { blocks }, peer: fading },
};

/** A process of plain PyTorch that runs steps when asked. */
async function startPeer(method, options) {
  const program = fileURLToPath(new URL('peer.py', import.meta.url));
  const child = spawn(python, [program], { stdio: ['pipe', 'pipe', 'inherit'] });
  // Where it has ended, so have its lines, which is told below.
  child.stdin.on('error', () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (request) => {
    child.stdin.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await lines.next();
    if (done) throw new UserError(`${python} ended early (what it said stands above)`);
    return JSON.parse(value);
  };
  await ask({ method, layers, K: blocks, depth, batch, threads, device, options });
  return { run: (what, count) => ask({ [what]: count }), close: () => child.stdin.end() };
}

/** The same steps here. */
function openOurs(engine, method, options) {
  const {
    buildStrategy,
    createBatch,
    evaluationMode,
    networkForward,
    papersSgd,
    planSteps,
    resnetCifar,
    sgd,
    trainStep,
  } = locallearn;
  const network = resnetCifar({ depth: layers, classes: 10, imageShape: [32, 32, 3], seed: 1 });
  const strategy = buildStrategy(network, { method, ...options });
  const optimizer = sgd(papersSgd);
  const plan = planSteps(strategy.updates);
  let state = 1;
  const random = (below) => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) % below;
  const images = Uint8Array.from({ length: batch * 32 * 32 * 3 }, () => random(65536) >> 8);
  const labels = Uint16Array.from({ length: batch }, () => (random(65536) >> 8) % 10);
  const normalization = { mean: [0.491, 0.482, 0.447], std: [0.247, 0.244, 0.262] };
  const upload = () => createBatch(images, labels, [32, 32, 3], 10, normalization);
  const step = {
    train: () => void trainStep(strategy, plan, optimizer, 0.01, upload()),
    evaluate() {
      const data = upload();
      const logits = networkForward(network, data.images, evaluationMode);
      tf.sum(tf.equal(tf.argMax(logits, 1), tf.argMax(data.labels, 1))).dataSync();
    },
  };
  engine.memory.release();
  return {
    run(what, count) {
      const seconds = [];
      engine.memory.reset();
      for (let i = 0; i < count; i++) {
        const start = performance.now();
        tf.tidy(step[what]);
        // On a GPU this comes behind all that the step asked for.
        if (device !== 'cpu') tf.tidy(() => tf.zeros([1]).dataSync());
        seconds.push((performance.now() - start) / 1000);
      }
      return { seconds, peakBytes: engine.memory.peak() };
    },
    close() {
      optimizer.dispose();
      strategy.dispose();
      locallearn.disposeNetwork(network);
    },
  };
}

const median = (values) => {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};

async function measure(engine, method, what) {
  const peer = await startPeer(method, methods[method].peer);
  const ours = openOurs(engine, method, methods[method].ours);
  try {
    const sides = { ours, peer };
    const seconds = { ours: [], peer: [] };
    const peakBytes = {};
    for (let round = -1; round < rounds; round++) {
      for (const name of ['ours', 'peer']) {
        const result = await sides[name].run(what, round < 0 ? warmupSteps : steps);
        if (round >= 0) seconds[name].push(...result.seconds);
        peakBytes[name] = result.peakBytes;
      }
    }
    const side = (name) => ({
      imagesPerSecond: batch / median(seconds[name]),
      peakMemoryBytes: peakBytes[name],
    });
    return {
      method: what === 'evaluate' ? 'evaluation' : method,
      layers,
      batch,
      threads,
      ours: side('ours'),
      peer: side('peer'),
      speed: median(seconds.peer) / median(seconds.ours),
      memory: peakBytes.ours / peakBytes.peer,
      steps: rounds * steps,
    };
  } finally {
    ours.close();
    peer.close();
  }
}

const wanted = args.methods.split(',');
for (const method of wanted) {
  if (!(method in methods))
    throw new UserError(`--methods: ${method} is none of ${Object.keys(methods).join(', ')}`);
}
const python = findPython(args.python === undefined ? pythons() : [args.python]);
const { engine } = await locallearn.selectEngine(device === 'cpu' ? 'torch' : 'torch-cuda');
const cases = [...wanted.map((method) => [method, 'train']), ...(args.evaluate ? [['bp', 'evaluate']] : [])];
if (!args.json) console.log('method      batch  images/s   peer  ratio   peak MB   peer  ratio');
for (const [method, what] of cases) {
  const result = await measure(engine, method, what);
  if (args.json) console.log(JSON.stringify(result));
  else {
    const { ours, peer } = result;
    const cell = (value, width, digits = 0) => value.toFixed(digits).padStart(width);
    console.log(
      result.method.padEnd(11) +
        cell(batch, 6) +
        cell(ours.imagesPerSecond, 10) +
        cell(peer.imagesPerSecond, 7) +
        cell(result.speed, 7, 2) +
        cell(ours.peakMemoryBytes / 1e6, 10) +
        cell(peer.peakMemoryBytes / 1e6, 7) +
        cell(result.memory, 7, 2),
    );
  }
}
