/**
 * Training steps that are captured beside steps as they are, taking turns: medians of images/s over all rounds, and peaks.
 *
 *     npm run -s build && node experiments/benchmarks/captured.mjs [BATCH] [STEPS] [ROUNDS] [METHOD,…]
 *
 * ResNet-32 on random images of CIFAR's shape, as `npm run bench` has it; `evaluation` among the methods is that of its
 * test images. A line of JSON for each method. What threads do while they wait: `GOMP_SPINCOUNT=0` has them sleep.
 */
import { median } from '../../dist/core/stats.js';
import { selectEngine } from '../../dist/engine/select.js';
import { openBench, warmupSteps } from '../../dist/measure/bench-run.js';
import { builtInRegistry } from '../../dist/config/registry.js';
import { disposeNetwork } from '../../dist/networks/network.js';
import { resnetCifar } from '../../dist/networks/resnet-cifar.js';
import { capturedEvaluation } from '../../dist/train/captured-evaluation.js';
import { evaluate } from '../../dist/train/evaluate.js';

const [batch = '128', steps = '4', rounds = '5', names = 'bp,auglocal,man,hpff,evaluation'] =
  process.argv.slice(2);
const { engine } = await selectEngine('torch');
const size = Number(batch);
const imageShape = /** @type {const} */ ([32, 32, 3]);

/** @param {string} name @param {boolean} captureSteps */
function openTraining(name, captureSteps) {
  const method = builtInRegistry.methods.find((each) => each.name === name);
  if (method === undefined) throw new Error(`there is no method ${name}`);
  const run = openBench(engine, method, { layers: 32, blocks: 16, batch: size, captureSteps });
  return {
    /** @param {number} count @returns {Promise<number[]>} seconds of each step */
    run: async (count) =>
      Array.from({ length: count }, () => {
        const start = performance.now();
        run.step();
        return (performance.now() - start) / 1000;
      }),
    dispose: () => run.dispose(),
  };
}

/** @param {boolean} captures */
function openEvaluation(captures) {
  const network = resnetCifar({ layers: 32, classes: 10, imageShape, seed: 1 });
  const captured = captures ? capturedEvaluation(engine) : undefined;
  const dataset = { imageShape, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };
  const images = Uint8Array.from({ length: size * 3072 }, () => Math.random() * 256);
  const labels = Uint16Array.from({ length: size }, (_, i) => i % 10);
  /** @param {number} count */
  async function* batches(count) {
    for (let i = 0; i < count; i++) yield { size, images, labels, skipped: [] };
  }
  return {
    /** @param {number} count @returns {Promise<number[]>} seconds of each batch */
    async run(count) {
      /** @type {number[]} */
      const seconds = [];
      let start = performance.now();
      const onBatch = async () => {
        seconds.push((performance.now() - start) / 1000);
        start = performance.now();
        return true;
      };
      await evaluate(network, /** @type {any} */ (dataset), batches(count), { onBatch, captured });
      return seconds;
    },
    dispose: () => disposeNetwork(network),
  };
}

for (const name of names.split(',')) {
  const sides = [false, true].map((captures) => ({
    side: name === 'evaluation' ? openEvaluation(captures) : openTraining(name, captures),
    seconds: /** @type {number[]} */ ([]),
    peakBytes: 0,
  }));
  for (const { side } of sides) await side.run(warmupSteps);
  for (let round = 0; round < Number(rounds); round++) {
    for (const each of sides) {
      const held = engine.memory.current();
      engine.memory.reset();
      each.seconds.push(...(await each.side.run(Number(steps))));
      each.peakBytes = Math.max(each.peakBytes, engine.memory.peak() - held);
    }
  }
  const [asItIs, captured] = sides.map(({ side, seconds, peakBytes }) => {
    side.dispose();
    return { imagesPerSecond: size / median(seconds), peakBytesOfStep: peakBytes };
  });
  const speed = captured.imagesPerSecond / asItIs.imagesPerSecond;
  console.log(JSON.stringify({ method: name, batch: size, speed, asItIs, captured }));
}
