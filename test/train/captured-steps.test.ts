import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, it } from 'vitest';
import { randomStream } from '../../src/core/random.js';
import { detach } from '../../src/engine/detached.js';
import type { Engine } from '../../src/engine/engine.js';
import type { Precision } from '../../src/engine/precision.js';
import type { Recompute } from '../../src/engine/recompute-choices.js';
import { createBatch, type Batch } from '../../src/local/batch.js';
import { buildStrategy } from '../../src/local/build.js';
import type { StrategyOptionsInput } from '../../src/local/options.js';
import { inPrecision, recomputing, withUpdates, type Strategy } from '../../src/local/strategy.js';
import type { LocalUpdate } from '../../src/local/update.js';
import { networkCounters, networkState, disposeNetwork, type Network } from '../../src/networks/network.js';
import { vit } from '../../src/networks/vit.js';
import { dropout } from '../../src/nn/dropout.js';
import { rootScope } from '../../src/nn/parameters.js';
import { adamw } from '../../src/train/adamw.js';
import { capturedSteps } from '../../src/train/captured-steps.js';
import type { Clip } from '../../src/train/clip.js';
import { papersSgd } from '../../src/train/recipe.js';
import { sgd, type Optimizer } from '../../src/train/sgd.js';
import { planSteps, trainStep } from '../../src/train/step.js';
import { hasTorch, startEngine } from '../support/engine.js';
import { sampleOf } from '../support/fuzz.js';
import { tinyClasses, tinyMethods, tinyNetwork, tinyShape, titleOf } from '../support/tiny.js';

interface Setting {
  readonly build: (network: Network) => Strategy;
  readonly network?: () => Network;
  readonly optimizer?: () => Optimizer;
  readonly clip?: Clip;
  readonly microBatch?: number;
  readonly smoothing?: number;
  readonly floats?: boolean;
  /** Of each step; all as the first if not given. */
  readonly smoothings?: readonly number[];
  readonly microBatches?: readonly number[];
  /** Images of each step; all as many as the first if not given. */
  readonly sizes?: readonly number[];
  /** Tensors that it keeps. */
  readonly left?: number;
  /** Whether the variables of that step are as they were captured. */
  readonly fits?: (step: number) => boolean;
}

/** All that a training comes to. */
interface Outcome {
  readonly losses: readonly (readonly number[])[];
  /** Beyond what was held before the step. */
  readonly peaks: readonly (readonly number[])[];
  readonly state: readonly Float32Array[];
  readonly counters: readonly number[];
  readonly refused: string | undefined;
  /** Steps that were made again as they were captured. */
  readonly played: number;
}

const batchSize = 6;
const steps = 7;

function batchOf(network: Network, step: number, size: number, { smoothing, floats }: Setting): Batch {
  const random = randomStream(1, 'captured', `${step}`);
  const { imageShape, classes } = network;
  const length = size * imageShape.reduce((product, n) => product * n);
  const images = floats
    ? Float32Array.from({ length }, () => random.uniform())
    : Uint8Array.from({ length }, () => random.below(256));
  const labels = Uint16Array.from({ length: size }, (_, i) => (i + step) % classes);
  const normalization = { mean: [0.5], std: [0.25] };
  return createBatch(images, labels, imageShape, classes, normalization, undefined, smoothing);
}

describe.skipIf(!hasTorch)('captured steps', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await startEngine();
  });

  function train(setting: Setting, captures: boolean): Outcome {
    const before = tf.memory().numTensors;
    const network = setting.network?.() ?? tinyNetwork();
    const strategy = setting.build(network);
    const optimizer = setting.optimizer?.() ?? sgd(papersSgd);
    const plan = planSteps(strategy.updates, { clip: setting.clip });
    let played = 0;
    let current = 0;
    const capture = engine.capture!;
    const captured = captures
      ? capturedSteps(
          {
            ...engine,
            capture: {
              ...capture,
              begin() {
                const under = capture.begin();
                return {
                  ...under,
                  end(livesOn) {
                    const step = under.end(livesOn);
                    if (typeof step === 'string') return step;
                    return {
                      ...step,
                      play(segment, inputs) {
                        played += segment === 0 ? 1 : 0;
                        return step.play(segment, inputs);
                      },
                      fits: (variables) => setting.fits?.(current) !== false && step.fits(variables),
                    };
                  },
                };
              },
            },
          },
          strategy,
        )
      : undefined;
    const losses: (readonly number[])[] = [];
    const peaks: (readonly number[])[] = [];
    for (let step = 0; step < steps; step++) {
      current = step;
      const held = engine.memory.current();
      tf.tidy(() => {
        const size = setting.sizes?.[step] ?? batchSize;
        const smoothing = setting.smoothings?.[step] ?? setting.smoothing ?? 0;
        const batch = batchOf(network, step, size, { ...setting, smoothing });
        const microBatch = setting.microBatches?.[step] ?? setting.microBatch;
        const result = trainStep(
          ...([strategy, plan, optimizer, 0.1 / (1 + step), batch, engine.memory] as const),
          ...([microBatch, captured] as const),
        );
        losses.push(result.losses);
        peaks.push(result.peakBytes.map((peak) => peak - held));
      });
      // Nothing of a step is left, but for what optimisers and captures make at first.
      if (step > 3) expect(engine.memory.current()).toBe(held);
    }
    const variables = [
      ...strategy.updates.flatMap((update) => update.variables),
      ...[...networkState(network), ...strategy.auxiliary].map(({ variable }) => variable),
    ];
    const outcome = {
      ...{ losses, peaks, played, refused: captured?.refused() },
      state: [...new Set(variables)].map((variable) => variable.dataSync<'float32'>()),
      counters: [...networkCounters(network), ...(strategy.counters ?? [])].map(({ value }) => value),
    };
    optimizer.dispose();
    strategy.dispose();
    disposeNetwork(network);
    expect(tf.memory().numTensors).toBe(before + (setting.left ?? 0));
    return outcome;
  }

  /** That both ways come to the same bits, and peaks. */
  function expectSame(setting: Setting): Outcome {
    const { refused, played, ...captured } = train(setting, true);
    const eager = train(setting, false);
    expect(captured).toEqual({
      losses: eager.losses,
      peaks: eager.peaks,
      state: eager.state,
      counters: eager.counters,
    });
    return { refused, played, ...captured };
  }

  const of = (options: StrategyOptionsInput) => (network: Network) => buildStrategy(network, options);
  const hpff = of({ method: 'hpff', blocks: 4, head: '1c1f' });

  it.each(sampleOf(tinyMethods, 2).map((options) => [titleOf(options), options] as const))(
    '%s: the same bits and peaks as without, from the fourth step on',
    (_, options) => {
      const { refused, played } = expectSame({ build: of(options) });
      expect(refused).toBeUndefined();
      expect(played).toBe(steps - 3);
    },
  );

  const recomputed = (recompute: Recompute, options: StrategyOptionsInput) => (network: Network) =>
    recomputing(buildStrategy(network, options), recompute);
  const inBf16 = (options: StrategyOptionsInput, precision: Precision) => (network: Network) =>
    inPrecision(buildStrategy(network, options), precision);
  const variants: readonly (readonly [string, Setting])[] = [
    ['micro-batches', { build: of({ method: 'auglocal', depth: 2 }), microBatch: 3 }],
    ['micro-batches of uneven sizes', { build: of({ method: 'man', blocks: 3 }), microBatch: 4 }],
    ['micro-batches of cascades', { build: hpff, microBatch: 3 }],
    ['bfloat16', { build: inBf16({ method: 'hpff', blocks: 3 }, 'bf16') }],
    ['units made again', { build: recomputed('units', { method: 'man', blocks: 3 }) }],
    ['segments made again', { build: recomputed('segments', { method: 'hpff', blocks: 4 }) }],
    [
      'clipping, AdamW',
      {
        build: hpff,
        clip: { norm: 0.5 },
        optimizer: () => adamw({ betas: [0.9, 0.99], epsilon: 1e-8, weightDecay: 0.1 }),
      },
    ],
    ['label smoothing', { build: of({ method: 'dgl' }), smoothing: 0.1 }],
    ['images of floating-point numbers', { build: of({ method: 'infopro' }), floats: true }],
    [
      'no momentum',
      { build: of({ method: 'predsim' }), optimizer: () => sgd({ ...papersSgd, momentum: 0 }) },
    ],
    [
      'a ViT',
      {
        network: () =>
          vit({
            classes: tinyClasses,
            imageShape: tinyShape,
            seed: 1,
            depth: 3,
            patchSize: 4,
            width: 16,
            heads: 2,
            mlpWidth: 32,
          }),
        build: of({ method: 'dgl', blocks: 3 }),
      },
    ],
  ];
  it.each(variants)('%s: the same', (_, setting) => {
    const { refused, played } = expectSame(setting);
    expect(refused).toBeUndefined();
    expect(played).toBe(steps - 3);
  });

  it('runs batches of another size as they are', () => {
    const sizes = [6, 6, 4, 6, 4, 6, 6];
    const { refused, played } = expectSame({ build: hpff, sizes });
    expect([refused, played]).toEqual([undefined, 2]);
  });

  it('runs batches of another form, or cut otherwise, as they are', () => {
    const smoothings = [0, 0, 0, 0, 0.1, 0, 0.1];
    expect(expectSame({ build: of({ method: 'dgl' }), smoothings })).toMatchObject({
      refused: undefined,
      played: 2,
    });
    const microBatches = [6, 6, 6, 6, 3, 6, 3];
    expect(expectSame({ build: hpff, microBatches })).toMatchObject({ refused: undefined, played: 2 });
  });

  it('runs beside variables that are no numbers of this engine', () => {
    const words = tf.variable(tf.tensor(['a', 'b']));
    try {
      expect(expectSame({ build: of({ method: 'bp' }) })).toMatchObject({
        refused: undefined,
        played: steps - 3,
      });
    } finally {
      words.dispose();
    }
  });

  it('looks at pixels that a loss rebuilds in every step', () => {
    const network = tinyNetwork();
    const strategy = buildStrategy(network, { method: 'infopro' });
    const plan = planSteps(strategy.updates);
    const optimizer = sgd(papersSgd);
    const captured = capturedSteps(engine, strategy);
    const step = (pixel: number): void =>
      void tf.tidy(() => {
        const images = Float32Array.from({ length: 6 * 192 }, (_, i) => (i === 0 ? pixel : (i % 7) / 7));
        const normalization = { mean: [0.5], std: [0.25] };
        const batch = createBatch(images, [0, 1, 2, 0, 1, 2], tinyShape, tinyClasses, normalization);
        trainStep(strategy, plan, optimizer, 0.01, batch, undefined, undefined, captured);
      });
    for (let i = 0; i < 4; i++) step(0.5);
    expect(() => step(1.5)).toThrow('a loss rebuilds the images, which must be from 0 to 1');
    step(0.5);
    expect(captured.refused()).toBeUndefined();
    optimizer.dispose();
    strategy.dispose();
    disposeNetwork(network);
  });

  it('captures anew where variables no longer have the memory that they had', () => {
    const { refused, played } = expectSame({ build: hpff, fits: (step) => step !== 4 });
    expect([refused, played]).toEqual([undefined, 3]);
  });

  /** A strategy whose first update does something else too. */
  const with_ = (forward: (own: LocalUpdate['forward']) => LocalUpdate['forward']) => (network: Network) => {
    const strategy = buildStrategy(network, { method: 'dgl', blocks: 3 });
    const [first, ...others] = strategy.updates;
    return withUpdates(strategy, [
      { ...first!, forward: forward((...args) => first!.forward(...args)) },
      ...others,
    ]);
  };
  const refusals: readonly (readonly [string, Setting, RegExp])[] = [
    [
      'dropout',
      {
        build: with_((own) => {
          const layer = dropout(rootScope(1), 0.5);
          return (streams, batch) => {
            const { loss, streams: next } = own(streams, batch);
            return {
              loss: tf.mul(
                loss,
                tf.mean(layer.forward(tf.ones([9]), { training: true, parameterGradients: true })),
              ),
              streams: next,
            };
          };
        }),
      },
      /no two steps did the same/,
    ],
    [
      'a loss whose weight changes',
      {
        build: with_((own) => {
          let calls = 0;
          return (streams, batch) => {
            const { loss, streams: next } = own(streams, batch);
            return { loss: tf.mul(loss, 1 + 0.1 * calls++), streams: next };
          };
        }),
      },
      /no two steps did the same/,
    ],
    [
      'values that are read back',
      {
        build: with_((own) => (streams, batch) => {
          const { loss, streams: next } = own(streams, batch);
          return { loss: tf.mul(loss, loss.dataSync()[0]! > 1 ? 0.5 : 2), streams: next };
        }),
      },
      /reads values back/,
    ],
    [
      'a tensor that is kept for what comes after the update',
      {
        build(network) {
          const strategy = buildStrategy(network, { method: 'dgl', blocks: 3 });
          const [first, ...others] = strategy.updates;
          const [variable] = first!.variables;
          let kept: tf.Tensor | undefined;
          const update: LocalUpdate = {
            ...first!,
            forward(...args) {
              kept = tf.keep(tf.mul(variable!, 0.5));
              return first!.forward(...args);
            },
            after() {
              variable!.assign(kept!);
              kept!.dispose();
            },
          };
          return withUpdates(strategy, [update, ...others]);
        },
      },
      /sgd_ reads between updates what one has made/,
    ],
    [
      'variables that share their memory',
      {
        build(network) {
          const strategy = buildStrategy(network, { method: 'dgl', blocks: 3 });
          const [first, ...others] = strategy.updates;
          const own = (value: number): tf.Variable => tf.tidy(() => tf.variable(tf.scalar(value), false));
          const [a, b] = [own(0.5), own(2)];
          const update: LocalUpdate = {
            ...first!,
            forward(...args) {
              const { loss, streams } = first!.forward(...args);
              return { loss: tf.mul(loss, tf.mul(a, b)), streams };
            },
            after: () => a.assign(b),
          };
          const { dispose } = strategy;
          return {
            ...withUpdates(strategy, [update, ...others]),
            dispose() {
              dispose();
              tf.dispose([a, b]);
            },
          };
        },
      },
      /variables share their memory/,
    ],
    [
      'a tensor of the step before',
      {
        build: with_((own) => {
          let last: tf.Tensor | undefined;
          return (streams, batch) => {
            const { loss, streams: next } = own(streams, batch);
            const sum = last === undefined ? loss : tf.add<tf.Scalar>(loss, tf.mul(0.1, last));
            last?.dispose();
            last = detach(loss);
            return { loss: sum, streams: next };
          };
        }),
        left: 1,
      },
      /reads a tensor from before the step/,
    ],
  ];
  it.each(refusals)('%s: all steps run as they are', (_, setting, why) => {
    const { refused, played } = expectSame(setting);
    expect(refused).toMatch(why);
    expect(played).toBe(0);
  });
});
