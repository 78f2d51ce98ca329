import tf = require('@tensorflow/tfjs');
import { beforeAll, expect, it } from 'vitest';
import type { Dataset } from '../../src/data/dataset.js';
import type { Engine } from '../../src/engine/engine.js';
import { parseConfig } from '../../src/config/config.js';
import { measureMethod } from '../../src/measure/memory/report.js';
import { settingOf } from '../../src/measure/memory/setting.js';
import { checkMethod, withStrategy } from '../../src/runs/method-strategy.js';
import { compareUnits } from '../../src/study/compare-units.js';
import { probeUnits } from '../../src/study/probe-units.js';
import type { StrategyOptionsInput } from '../../src/local/options.js';
import { builtInRegistry } from '../../src/config/registry.js';
import { networkWeights } from '../../src/networks/export.js';
import type { TrainState } from '../../src/train/state.js';
import { train } from '../../src/train/trainer.js';
import { startEngine } from '../support/engine.js';
import { sampleOf } from '../support/fuzz.js';
import { noiseDataset } from '../support/noise.js';
import {
  contrasts,
  tinyBatch,
  tinyClasses,
  tinyMethods,
  tinyRun,
  tinyShape,
  titleOf,
} from '../support/tiny.js';

const dataset: Dataset = { ...noiseDataset, evaluatedOn: 'validation' };

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
  // What libraries allocate once, for good.
  const run = tinyRun({ method: 'bp' });
  tf.tidy(() => void run.step(tinyBatch()));
  run.dispose();
});

const held = (): object => ({ tensors: tf.memory().numTensors, bytes: engine.memory.current() });

/** Everything that keeps more than SGD does, for methods whose updates are of different kinds. */
const recipe = { optimizer: 'adamw', clip: { norm: 1 }, ema: { decay: 0.9 }, labelSmoothing: 0.1 };
const recipeMethods = ['bp', 'auglocal', 'man', 'hpff', 'contsup'];

const settings = tinyMethods.flatMap((options) =>
  [
    { augment: false, nesterov: false, momentum: 0 },
    { mixup: 0.4, warmupEpochs: 1 },
    ...(recipeMethods.includes(options.method) ? [recipe] : []),
  ]
    .filter((changes) => !('mixup' in changes) || !contrasts(options))
    .map(
      (changes) =>
        [
          changes === recipe
            ? `${titleOf(options)}, AdamW, clipped, averaged`
            : titleOf({ ...options, ...changes } as StrategyOptionsInput),
          options,
          changes,
        ] as const,
    ),
);

it.each(sampleOf(settings, 9))('%s: every phase gives back what it took', async (_, options, changes) => {
  const text = JSON.stringify({
    ...{ name: 'tiny', data: { name: 'fashion-mnist' }, network: { name: 'resnet', layers: 14 } },
    train: { ...{ epochs: 2, batchSize: 4, learningRate: 0.01, workers: 0 }, ...changes },
    method: options,
  });
  const config = parseConfig(text, 'tiny.yaml', [], builtInRegistry);
  const method = config.method!;
  const experiment = { config, registry: builtInRegistry, dataset };
  const before = held();
  checkMethod(experiment, method);
  expect(held(), 'check').toEqual(before);
  await withStrategy(experiment, method, async (strategy) => {
    const built = held();
    const phases: [string, object][] = [];
    const states: TrainState[] = [];
    const once = async (resume?: TrainState): Promise<void> => {
      const abort = new AbortController();
      await train(strategy, dataset, {
        ...{ ...config.train, seed: 1, engine, resume, signal: abort.signal },
        onState: (state) => {
          states.push(state);
          phases.push(['checkpoint', held()]);
        },
        onEvent: (event) => {
          if (event.type !== 'epoch-start') phases.push([event.type, held()]);
          if (resume === undefined && event.type === 'step' && event.epoch === 2) abort.abort();
        },
      });
    };
    await once();
    expect(held(), 'interrupted').toEqual(built);
    await once(states.at(-1));
    expect(held(), 'resumed').toEqual(built);
    // The optimiser has its state since the first step.
    for (const [phase, now] of phases) expect(now, phase).toEqual(phases[0]![1]);
    expect(new Set(phases.map(([phase]) => phase))).toEqual(
      new Set(['step', 'evaluation', 'checkpoint', 'epoch-end']),
    );
    networkWeights(strategy.network);
    expect(held(), 'export').toEqual(built);
    const probing = { images: 12, seed: 1, workers: 0 };
    await probeUnits(strategy.network, dataset, probing);
    expect(held(), 'probe').toEqual(built);
    await compareUnits(strategy.network, strategy.network, dataset, probing);
    expect(held(), 'similarity').toEqual(built);
  });
  expect(held(), 'run').toEqual(before);
  const inputs = { engine, registry: builtInRegistry, classes: tinyClasses, imageShape: tinyShape };
  await measureMethod(settingOf(config, inputs), method);
  expect(held(), 'memory').toEqual(before);
});
