/**
 * Training steps that are captured beside steps as they are, taking turns: medians of images/s over all rounds, and peaks.
 *
 *     npm run -s build && node experiments/benchmarks/captured.mjs [BATCH] [STEPS] [ROUNDS] [METHOD,…]
 *
 * ResNet-32 on random images of CIFAR's shape, as `npm run bench` has it. A line of JSON for each method.
 */
import { median } from '../../dist/core/stats.js';
import { selectEngine } from '../../dist/engine/select.js';
import { openBench, warmupSteps } from '../../dist/measure/bench-run.js';
import { builtInRegistry } from '../../dist/config/registry.js';

const [batch = '128', steps = '4', rounds = '5', names = 'bp,auglocal,man,hpff'] = process.argv.slice(2);
const { engine } = await selectEngine('torch');

for (const name of names.split(',')) {
  const method = builtInRegistry.methods.find((each) => each.name === name);
  if (method === undefined) throw new Error(`there is no method ${name}`);
  const sides = [false, true].map((captureSteps) => ({
    run: openBench(engine, method, { depth: 32, blocks: 16, batch: Number(batch), captureSteps }),
    seconds: /** @type {number[]} */ ([]),
    peakBytes: 0,
  }));
  for (const { run } of sides) for (let i = 0; i < warmupSteps; i++) run.step();
  for (let round = 0; round < Number(rounds); round++) {
    for (const side of sides) {
      const held = engine.memory.current();
      engine.memory.reset();
      for (let i = 0; i < Number(steps); i++) {
        const start = performance.now();
        side.run.step();
        side.seconds.push((performance.now() - start) / 1000);
      }
      side.peakBytes = Math.max(side.peakBytes, engine.memory.peak() - held);
    }
  }
  const [asItIs, captured] = sides.map(({ run, seconds, peakBytes }) => {
    run.dispose();
    return { imagesPerSecond: Number(batch) / median(seconds), peakBytesOfStep: peakBytes };
  });
  const speed = captured.imagesPerSecond / asItIs.imagesPerSecond;
  console.log(JSON.stringify({ method: name, batch: Number(batch), speed, asItIs, captured }));
}
