/**
 * Training steps in bf16 beside float32: peak memory of a step, and processor seconds, on one thread, least of all.
 *
 *     npm run -s build && node experiments/benchmarks/precision.mjs [BATCH] [STEPS] [METHOD,…]
 *
 * ResNet-32 on random images of CIFAR's shape, as `npm run bench` has it. A line of JSON for each method.
 */
import { selectEngine } from '../../dist/engine/select.js';
import { loadNative } from '../../dist/engine/torch/load-native.js';
import { openBench } from '../../dist/measure/bench-run.js';
import { builtInRegistry } from '../../dist/config/registry.js';

const [batch = '128', steps = '3', names] = process.argv.slice(2);
const { engine } = await selectEngine('torch');
loadNative().setThreads(1);

/** @param {() => void} f */
function processorSeconds(f) {
  const before = process.cpuUsage();
  f();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

for (const method of builtInRegistry.methods) {
  if (names === undefined ? method.name === 'custom' : !names.split(',').includes(method.name)) continue;
  const found = {};
  for (const precision of /** @type {const} */ (['float32', 'bf16'])) {
    const run = openBench(engine, method, { layers: 32, blocks: 16, batch: Number(batch), precision });
    run.step();
    const held = engine.memory.current();
    engine.memory.reset();
    const seconds = Array.from({ length: Number(steps) }, () => processorSeconds(() => run.step()));
    found[precision] = { peakBytes: engine.memory.peak(), heldBytes: held, seconds: Math.min(...seconds) };
    run.dispose();
  }
  const { float32, bf16 } = found;
  const ratio = { peak: bf16.peakBytes / float32.peakBytes, speed: float32.seconds / bf16.seconds };
  console.log(JSON.stringify({ method: method.name, batch: Number(batch), ...ratio, float32, bf16 }));
}
