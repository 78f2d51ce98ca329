import { beforeAll, expect, it } from 'vitest';
import type { Engine } from '../../src/engine/engine.js';
import { trainingMode } from '../../src/engine/fused/ops.js';
import { UserError } from '../../src/core/errors.js';
import { buildStrategy } from '../../src/local/build.js';
import type { StrategyOptionsInput } from '../../src/local/options.js';
import type { Strategy } from '../../src/local/strategy.js';
import type { LocalUpdate } from '../../src/local/update.js';
import { disposeNetwork, type Network } from '../../src/networks/network.js';
import { dropout } from '../../src/nn/dropout.js';
import { childScope, rootScope, type TorchTensor } from '../../src/nn/parameters.js';
import { Diverged } from '../../src/train/diverged.js';
import type { EpochMetrics, TrainEvent } from '../../src/train/events.js';
import { captureState, restoreState, type TrainState } from '../../src/train/state.js';
import { sgd } from '../../src/train/sgd.js';
import { train } from '../../src/train/trainer.js';
import { torchDevice, torchEngine } from '../support/device.js';
import { startEngine, testEngine } from '../support/engine.js';
import { sampleOf } from '../support/fuzz.js';
import { noise, noiseDataset } from '../support/noise.js';
import { tinyMethods, tinyNetwork, titleOf } from '../support/tiny.js';

const dataset = { ...noiseDataset, test: noise(4, 'test') };

/** Four batches an epoch, the last of two images, and one for evaluation. */
const section = { epochs: 2, batchSize: 4, learningRate: 0.05, schedule: 'cosine-steps' } as const;

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});

type Build = () => Strategy;

const method =
  (options: StrategyOptionsInput, network: () => Network = tinyNetwork): Build =>
  () =>
    buildStrategy(network(), options);
const bp = method({ method: 'bp' });

/** One strategy at a time is there, so that peaks of memory can be compared. */
async function using<T>(build: Build, f: (strategy: Strategy) => T | Promise<T>): Promise<T> {
  const strategy = build();
  try {
    return await f(strategy);
  } finally {
    strategy.dispose();
    disposeNetwork(strategy.network);
  }
}

/** What does not depend on the clock or on what the process did before. */
function numbers(epochs: readonly EpochMetrics[]): object[] {
  return epochs.map((epoch) => {
    const { learningRate, trainLoss, evaluationLoss, evaluationAccuracy, updateLosses, updatePeakBytes } =
      epoch;
    const { peakMemoryBytes, skippedImages } = epoch;
    return {
      ...{ learningRate, trainLoss, evaluationLoss, evaluationAccuracy, updateLosses, skippedImages },
      // On a GPU the first step of a process holds copies of filters in another layout.
      ...(torchDevice === 'cpu' ? { updatePeakBytes, peakMemoryBytes } : {}),
    };
  });
}

interface Ended {
  readonly epochs: readonly EpochMetrics[];
  readonly interrupted: boolean;
  readonly state: TrainState;
}

/** Trains until `stop` says so of an event, or to the end; with the last state that was handed out. */
function trained(
  build: Build,
  changes: Partial<Parameters<typeof train>[2]>,
  stop: (event: TrainEvent) => boolean = () => false,
): Promise<Ended> {
  const abort = new AbortController();
  let state: TrainState | undefined;
  return using(build, async (strategy) => {
    const result = await train(strategy, dataset, {
      ...section,
      ...{ seed: 1, engine, workers: 0, signal: abort.signal },
      onEvent: (event) => (stop(event) ? abort.abort() : undefined),
      onState: (each) => (state = each),
      ...changes,
    });
    return { ...result, state: state! };
  });
}

/** The names of tensors that are not the same to the last bit. (`toEqual` takes a hundred times as long.) */
function differing(found: TrainState['tensors'], wanted: TrainState['tensors']): string[] {
  const bytes = (of: TorchTensor | undefined): Uint8Array =>
    of === undefined
      ? new Uint8Array()
      : new Uint8Array(of.values.buffer, of.values.byteOffset, of.values.byteLength);
  const names = new Set([...found.keys(), ...wanted.keys()]);
  return [...names].filter((name) => !Buffer.from(bytes(wanted.get(name))).equals(bytes(found.get(name))));
}

/** The same in all that a run is compared by, tensors to the last bit. */
function expectSame(found: Ended, straight: Ended): void {
  expect(numbers(found.epochs)).toEqual(numbers(straight.epochs));
  expect(found.state.counters).toEqual(straight.state.counters);
  expect([...found.state.tensors.keys()]).toEqual([...straight.state.tensors.keys()]);
  expect(differing(found.state.tensors, straight.state.tensors)).toEqual([]);
}

/** Stopped again and again, each time at another place, and resumed with everything built anew; its steps are captured. */
async function piecewise(
  build: Build,
  stops: readonly ((event: TrainEvent) => boolean)[],
  changes: Partial<Parameters<typeof train>[2]> = {},
): Promise<Ended> {
  let resume: TrainState | undefined;
  for (const stop of stops) {
    const { state, interrupted } = await trained(build, { captureSteps: true, ...changes, resume }, stop);
    expect(interrupted).toBe(true);
    resume = state;
  }
  return trained(build, { captureSteps: true, ...changes, resume });
}

const atStep =
  (epoch: number, step: number) =>
  (event: TrainEvent): boolean =>
    event.type === 'step' && event.epoch === epoch && event.step === step;
const atEvaluation =
  (epoch: number) =>
  (event: TrainEvent): boolean =>
    event.type === 'evaluation' && event.epoch === epoch;
const afterEpoch =
  (epoch: number) =>
  (event: TrainEvent): boolean =>
    event.type === 'epoch-end' && event.metrics.epoch === epoch;

it.each(sampleOf(tinyMethods, 9).map((options) => [titleOf(options), options] as const))(
  '%s: goes on to the same bits from any moment',
  async (_, options) => {
    const straight = await trained(method(options), {});
    expect(straight.epochs).toHaveLength(2);
    expectSame(await piecewise(method(options), []), straight);
    const stops = [atStep(1, 2), atEvaluation(1), atStep(2, 3)];
    expectSame(await piecewise(method(options), stops), straight);
  },
);

it.each(
  sampleOf(
    [
      [1, 8],
      // Two micro-batches of each batch of four; the last is no larger than one.
      [2, 14],
    ] as const,
    2,
  ),
)(
  'so do mixed images, dropout in auxiliary nets and worker threads: accumulate %i',
  async (accumulate, passes) => {
    const build = (): Strategy => {
      const strategy = method({ method: 'auglocal', depth: 1 })();
      const drop = dropout(childScope(rootScope(1), 'drop'), 0.2);
      const [first, ...others] = strategy.updates;
      const update: LocalUpdate = {
        ...first!,
        forward: ({ x }, batch) => first!.forward({ x: drop.forward(x!, trainingMode) }, batch),
      };
      return { ...strategy, updates: [update, ...others], counters: drop.counters! };
    };
    const changes = { mixup: 0.4, workers: 1, accumulate };
    const straight = await trained(build, changes);
    expect(straight.state.counters['auxiliary/drop.passes']).toBe(passes);
    expectSame(await piecewise(build, [atStep(1, 2), afterEpoch(1), atStep(2, 3)], changes), straight);
    const forgetful: Build = () => ({ ...build(), counters: [] });
    const { epochs } = await piecewise(forgetful, [atStep(1, 2)], changes);
    expect(numbers(epochs)).not.toEqual(numbers(straight.epochs));
  },
);

const trainings: readonly (readonly [StrategyOptionsInput, Partial<Parameters<typeof train>[2]>])[] = [
  [
    { method: 'man', blocks: 3, auxiliary: '1c2f' },
    {
      ...{ optimizer: { name: 'adamw', noDecay: ['bias', 'norm'] }, clip: { norm: 1 }, learningRate: 0.01 },
      ...{ ema: { decay: 0.9 }, labelSmoothing: 0.1, rateFactors: { 'block 1': 0.5 } },
      ...{ schedule: 'one-cycle', accumulate: 2 },
    },
  ],
  [
    { method: 'hpff', blocks: 3, auxiliary: '1c1f' },
    { accumulate: 2, ...(testEngine === torchEngine && { optimizerState: 'bf16', precision: 'bf16' }) },
  ],
  [
    { method: 'hpff', blocks: 4, auxiliary: '1c1f' },
    {
      ...{ momentum: 0, noDecay: ['norm'], clip: { value: 0.1 }, ema: { decay: 0.5 } },
      schedule: { name: 'linear', from: 0.5 },
    },
  ],
];
it.each(sampleOf(trainings, 3))('%j trained by %j goes on to the same bits', async (options, changes) => {
  const straight = await trained(method(options), changes);
  const words = new Set([...straight.state.tensors.keys()].map((name) => name.split('/')[0]));
  const momentum = changes.optimizerState === 'bf16' ? 'momentum_bf16' : 'momentum';
  const ofSgd = changes.momentum === 0 ? [] : [momentum];
  const kept = changes.optimizer === undefined ? ofSgd : ['exp_avg', 'exp_avg_sq', 'step'];
  const average = changes.ema === undefined ? [] : ['average'];
  expect(words).toEqual(new Set(['network', 'auxiliary', ...average, ...kept]));
  const stops = [atStep(1, 2), atEvaluation(1), atStep(2, 1)];
  expectSame(await piecewise(method(options), [], changes), straight);
  expectSame(await piecewise(method(options), stops, changes), straight);
});

it('a captured state is restored as it was', async () => {
  const { state } = await trained(bp, { epochs: 1 });
  expect(state.counters['network/bn1.num_batches_tracked']).toBe(4);
  expect([...state.tensors.keys()]).toContain('momentum/network/conv1.weight');
  await using(bp, (strategy) => {
    const optimizer = sgd({ momentum: 0.9, nesterov: true, weightDecay: 0 });
    restoreState(strategy, optimizer, state);
    const copy = captureState(strategy, optimizer);
    expect(differing(copy.tensors, state.tensors)).toEqual([]);
    expect(copy.counters).toEqual(state.counters);
    optimizer.dispose();
  });
});

it('hands out the state of a finished epoch before its event', async () => {
  const order: string[] = [];
  await trained(bp, {
    onState: () => order.push('state'),
    onEvent: ({ type }) => (type === 'epoch-end' ? order.push(type) : undefined),
  });
  expect(order).toEqual(['state', 'epoch-end', 'state', 'epoch-end']);
});

it('refuses the state of another network, method or run, and changes nothing then', async () => {
  const own = { method: 'auglocal', depth: 1 } as const;
  const { state } = await trained(method(own), {}, atStep(2, 1));
  const refused = (build: Build, other: TrainState): Promise<string> =>
    using(build, (strategy) => {
      const optimizer = sgd({ momentum: 0.9, nesterov: true, weightDecay: 0 });
      const before = captureState(strategy, optimizer);
      let message = '';
      try {
        restoreState(strategy, optimizer, other);
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
        message = (error as UserError).message;
      }
      const after = captureState(strategy, optimizer);
      expect(differing(after.tensors, before.tensors)).toEqual([]);
      expect(after.counters).toEqual(before.counters);
      return message;
    });
  expect(await refused(bp, state)).toMatch(/auxiliary\/\S+ is none of their tensors/);
  const larger = method(own, () => tinyNetwork(20));
  expect(await refused(larger, state)).toMatch(/network\/\S+ is missing among its tensors/);
  const narrow = { shape: [2], values: new Float32Array(2) };
  const tensors = new Map(state.tensors).set('network/bn1.weight', narrow);
  expect(await refused(method(own), { ...state, tensors })).toMatch(
    /network\/bn1\.weight has shape \[2\] instead of \[16\]/,
  );
  expect(await refused(method(own), { ...state, counters: {} })).toMatch(/is missing among its counters/);
  const partial = { ...state.partial!, batches: 5 };
  const late = trained(method(own), { resume: { ...state, partial } });
  await expect(late).rejects.toThrow(/not a state of this run: batch 5 of epoch 2/);
});

it('never hands out tensors that are not finite, and says which update spoiled them', async () => {
  const states: TrainState[] = [];
  const spoiled = (): Strategy => {
    const strategy = bp();
    const update = strategy.updates[0]!;
    let passes = 0;
    const after = (): void => {
      // The last step of the second epoch: no loss of a training step sees it.
      if (++passes === 8) update.variables[0]!.assign(update.variables[0]!.mul(Number.NaN));
    };
    return { ...strategy, updates: [{ ...update, after }] };
  };
  const run = trained(spoiled, { onState: (state) => states.push(state) });
  const error: unknown = await run.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(Diverged);
  expect((error as Diverged).message).toMatch(
    /^epoch 2: network\/conv1\.weight, which update 'head' trains, became NaN \(losses of the step before: head [\d.]+\): lower train\.learningRate/,
  );
  expect(states.map(({ epochs }) => epochs.length)).toEqual([1]);
});

it('keeps the steps of an epoch whose data fails', async () => {
  const states: TrainState[] = [];
  const run = trained(bp, {
    onState: (state) => states.push(state),
    onEvent: (event) => {
      if (atStep(2, 3)(event)) throw new Error('the worker is gone');
    },
  });
  await expect(run).rejects.toThrow('the worker is gone');
  expect(states.map(({ partial }) => partial?.steps)).toEqual([undefined, 3]);
});
