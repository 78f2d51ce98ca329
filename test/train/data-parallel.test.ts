import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, it } from 'vitest';
import { datasetFromArrays, type DatasetArrays } from '../../src/data/from-arrays.js';
import type { Dataset, ImageBatch } from '../../src/data/dataset.js';
import { openLoader } from '../../src/data/loader/loader.js';
import { detach } from '../../src/engine/detached.js';
import type { Engine } from '../../src/engine/engine.js';
import { selectEngine } from '../../src/engine/select.js';
import { nativeStatus } from '../../src/engine/torch/load-native.js';
import { createBatch } from '../../src/local/batch.js';
import { buildStrategy } from '../../src/local/build.js';
import type { Strategy } from '../../src/local/strategy.js';
import { networkCounters, networkState } from '../../src/networks/network.js';
import { resnetCifar } from '../../src/networks/resnet-cifar.js';
import { vit } from '../../src/networks/vit.js';
import { roleOf, toTorch } from '../../src/nn/parameters.js';
import { randomStream } from '../../src/core/random.js';
import type { ProcessGroup } from '../../src/distributed/process-group.js';
import { dataParallel } from '../../src/train/data-parallel.js';
import { addGradients, stepReady, type PendingGradients } from '../../src/train/gradients.js';
import { checkShares } from '../../src/train/over-ranks.js';
import { papersSgd, sgd } from '../../src/train/sgd.js';
import { runUpdate } from '../../src/train/run-update.js';
import { planSteps } from '../../src/train/step.js';
import { train } from '../../src/train/trainer.js';
import { runRanks } from '../distributed/ranks.js';

const status = nativeStatus();
const hasGroups = status.available && status.native.distributed !== null;

const imageShape = [8, 8, 3] as const;
type PlainArrays = Omit<DatasetArrays, 'train' | 'test'> &
  Record<'train' | 'test', { images: Uint8Array; labels: number[] }>;

/** Images of one colour and noise. */
function plainArrays(train: number, test: number): PlainArrays {
  const random = randomStream(1, 'colours');
  const split = (size: number) => {
    const labels = Array.from({ length: size }, (_, i) => i % 3);
    const images = Uint8Array.from(
      { length: size * 192 },
      (_, at) => (labels[Math.floor(at / 192)] === at % 3 ? 140 : 60) + random.below(60),
    );
    return { images, labels };
  };
  const statistics = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };
  return {
    name: 'colours',
    classes: ['r', 'g', 'b'],
    imageShape,
    ...statistics,
    train: split(train),
    test: split(test),
  };
}
const datasetOf = (plain: PlainArrays): Dataset => ({
  ...datasetFromArrays(plain),
  augmentation: { crop: { kind: 'padded', pad: 1, padMode: 'zero' }, flip: true },
});

const section = {
  epochs: 2,
  batchSize: 16,
  learningRate: 0.1,
  schedule: 'cosine-steps',
  workers: 0,
  captureSteps: true,
} as const;
const vitOptions = {
  classes: 3,
  imageShape,
  seed: 1,
  layers: 2,
  patchSize: 4,
  width: 16,
  heads: 2,
  mlpWidth: 32,
} as const;

/** What a rank trains and returns. */
interface Task {
  readonly plain: PlainArrays;
  readonly section: object;
  readonly network: 'resnet' | 'vit';
  readonly vitOptions: object;
  /** The rank that asks for an end after its third step; the run is gone on with then. */
  readonly stops?: number;
}
interface RankOutcome {
  readonly parameters: Record<string, Float32Array>;
  readonly statistics: Record<string, Float32Array>;
  readonly metrics: Record<string, unknown>[];
  readonly stoppedAt: { interrupted: boolean; batches?: number | undefined };
}

/** As a string in a process of its own: it knows nothing of this file. */
const trainRank = async ({ group, input, load }: Parameters<Parameters<typeof runRanks<Task>>[1]>[0]) => {
  type M<T> = T;
  const { datasetFromArrays } =
    await load<M<typeof import('../../src/data/from-arrays.js')>>('data/from-arrays.js');
  const { resnetCifar } =
    await load<M<typeof import('../../src/networks/resnet-cifar.js')>>('networks/resnet-cifar.js');
  const { vit } = await load<M<typeof import('../../src/networks/vit.js')>>('networks/vit.js');
  const { buildStrategy } = await load<M<typeof import('../../src/local/build.js')>>('local/build.js');
  const { train } = await load<M<typeof import('../../src/train/trainer.js')>>('train/trainer.js');
  const { networkState } =
    await load<M<typeof import('../../src/networks/network.js')>>('networks/network.js');
  const { roleOf, toTorch } = await load<M<typeof import('../../src/nn/parameters.js')>>('nn/parameters.js');
  const { selectEngine } = await load<M<typeof import('../../src/engine/select.js')>>('engine/select.js');
  const { engine } = await selectEngine('torch');
  const { plain } = input;
  const dataset = {
    ...datasetFromArrays(plain),
    augmentation: { crop: { kind: 'padded', pad: 1, padMode: 'zero' } as const, flip: true },
  };
  const build = () => {
    const network =
      input.network === 'vit'
        ? vit(input.vitOptions as never)
        : resnetCifar({ layers: 14, classes: 3, imageShape: [8, 8, 3], seed: 1 });
    return buildStrategy(
      network,
      input.network === 'vit' ? { method: 'bp' } : { method: 'auglocal', depth: 2 },
    );
  };
  const options = { ...(input.section as typeof section), seed: 3, engine, ranks: group };
  let strategy = build();
  let stoppedAt: RankOutcome['stoppedAt'] = { interrupted: false };
  let state: import('../../src/train/state.js').TrainState | undefined;
  const onState = (given: NonNullable<typeof state>) => void (state = given);
  if (input.stops !== undefined) {
    const controller = new AbortController();
    let steps = 0;
    const first = await train(strategy, dataset, {
      ...options,
      signal: controller.signal,
      onState,
      onEvent: ({ type }) => {
        if (type === 'step' && ++steps === 3 && group.rank === input.stops) controller.abort();
      },
    });
    stoppedAt = { interrupted: first.interrupted, batches: state?.partial?.batches };
    strategy = build();
  }
  const { epochs } = await train(strategy, dataset, { ...options, resume: state });
  const named = (wanted: boolean) =>
    Object.fromEntries(
      [...networkState(strategy.network), ...strategy.auxiliary]
        .filter(({ variable }) => (roleOf(variable) === 'statistics') === wanted)
        .map((parameter, i) => [`${i} ${parameter.name}`, toTorch(parameter).values]),
    );
  const metrics = epochs.map(
    ({ epoch, trainLoss, evaluationLoss, evaluationAccuracy, updateLosses, updateAccuracies }) => ({
      epoch,
      trainLoss,
      evaluationLoss,
      evaluationAccuracy,
      updateLosses,
      updateAccuracies,
    }),
  );
  return { parameters: named(false), statistics: named(true), metrics, stoppedAt };
};

const parametersOf = (strategy: Strategy): Record<string, Float32Array> =>
  Object.fromEntries(
    [...networkState(strategy.network), ...strategy.auxiliary]
      .filter(({ variable }) => roleOf(variable) !== 'statistics')
      .map((parameter, i) => [`${i} ${parameter.name}`, toTorch(parameter).values]),
  );

describe.skipIf(!hasGroups)('data parallel over two ranks', () => {
  let engine: Engine;
  beforeAll(async () => ({ engine } = await selectEngine('torch')));
  const plain = plainArrays(88, 30);
  const resnetTask: Task = { plain, section, network: 'resnet', vitOptions };
  let run: Promise<readonly unknown[]> | undefined;
  /** A run that nothing interrupts, begun by the first who asks for it. */
  const whole = async (): Promise<RankOutcome[]> =>
    (await (run ??= runRanks(2, trainRank, { input: resnetTask }))) as RankOutcome[];

  /** One process that computes the gradients of each share, one after the other. */
  async function trainByTurns(ranks: number, images = plain, epochs = 2): Promise<Strategy> {
    const dataset = datasetOf(images);
    const steps = Math.ceil(images.train.labels.length / 16);
    const strategy = buildStrategy(resnetCifar({ layers: 14, classes: 3, imageShape, seed: 1 }), {
      method: 'auglocal',
      depth: 2,
    });
    const optimizer = sgd(papersSgd);
    const plan = planSteps(strategy.updates);
    const { learningRateAt } = await import('../../src/train/schedule.js');
    const { trainSchema, builtInOptimizers } = await import('../../src/train/optimizers.js');
    const settings = trainSchema(builtInOptimizers).parse({ ...section, epochs });
    const loaders = Array.from({ length: ranks }, (_, index) =>
      openLoader(dataset, dataset.train, {
        batchSize: 16,
        share: { index, of: ranks },
        seed: 3,
        shuffle: true,
        augment: true,
        dropLast: false,
        dropLone: true,
        workers: 0,
        prefetch: 1,
      }),
    );
    for (let epoch = 1; epoch <= epochs; epoch++) {
      const shares = loaders.map((loader) => loader.batches(epoch)[Symbol.asyncIterator]());
      for (let step = 0; step < steps; step++) {
        const parts = await Promise.all(shares.map((each) => each.next()));
        const rate = learningRateAt({ epoch, step, steps }, settings);
        tf.tidy(() => {
          const batches = parts.map(({ value }) =>
            createBatch((value as ImageBatch).images, (value as ImageBatch).labels, imageShape, 3, dataset),
          );
          let streams = batches.map((batch) => ({ x: detach(batch.images) }) as Record<string, tf.Tensor>);
          const pending: PendingGradients = new Map();
          strategy.updates.forEach((update, i) => {
            const outcomes = batches.map((batch, share) => runUpdate(update, streams[share]!, batch));
            streams = outcomes.map(({ next }) => next);
            for (const { gradients } of outcomes) {
              addGradients(pending, new Map([...gradients].map(([v, g]) => [v, tf.mul(g, 1 / ranks)])));
            }
            update.after?.();
            stepReady(pending, plan[i]!.steps, optimizer, rate);
          });
        });
      }
    }
    await Promise.all(loaders.map((loader) => loader.close()));
    return strategy;
  }

  it('has the bits of one process that takes the shares by turns, and the same metrics and statistics on both', async () => {
    const [first, second] = await whole();
    expect(second).toEqual(first);
    expect(first!.metrics.map(({ epoch }) => epoch)).toEqual([1, 2]);
    expect(first!.parameters).toEqual(parametersOf(await trainByTurns(2)));
    expect(Object.values(first!.statistics).every((values) => values.every(Number.isFinite))).toBe(true);
  });

  it('over four ranks: the same bits on all, and after a step those of the shares by turns, summed in another order', async () => {
    const one = plainArrays(16, 8);
    const task: Task = { ...resnetTask, plain: one, section: { ...section, epochs: 1 } };
    const [first, ...others] = (await runRanks(4, trainRank, { input: task })) as RankOutcome[];
    for (const other of others) expect(other).toEqual(first);
    let most = 0;
    for (const [name, values] of Object.entries(parametersOf(await trainByTurns(4, one, 1)))) {
      const there = first!.parameters[name]!;
      values.forEach((value, i) => (most = Math.max(most, Math.abs(value - there[i]!))));
    }
    expect(most).toBeLessThan(2e-7);
  });

  it('has one process’s numbers to rounding without batch normalisation, from one batch and from all', async () => {
    const one = plainArrays(16, 31);
    const task: Task = { plain: one, section: { ...section, epochs: 1 }, network: 'vit', vitOptions };
    const [first, second] = (await runRanks(2, trainRank, { input: task })) as RankOutcome[];
    expect(second).toEqual(first);
    const strategy = buildStrategy(vit(vitOptions), { method: 'bp' });
    const { epochs } = await train(strategy, datasetOf(one), { ...section, epochs: 1, seed: 3, engine });
    const differences = Object.entries(parametersOf(strategy)).flatMap(([name, values]) =>
      [...values].map((value, i) => Math.abs(value - first!.parameters[name]![i]!)),
    );
    expect(Math.max(...differences)).toBeLessThan(1e-7);
    const [own] = epochs;
    const [metrics] = first!.metrics as unknown as (typeof epochs)[number][];
    expect(metrics!.evaluationAccuracy).toBe(own!.evaluationAccuracy);
    expect(metrics!.evaluationLoss).toBeCloseTo(own!.evaluationLoss, 5);
    expect(metrics!.trainLoss).toBeCloseTo(own!.trainLoss, 5);
  });

  it('mixes images with those of other shares and takes micro-batches as one process does, to rounding', async () => {
    const mixed = { ...section, epochs: 1, mixup: 0.4, accumulate: 4, labelSmoothing: 0.1 };
    const task: Task = { plain: plainArrays(40, 8), section: mixed, network: 'vit', vitOptions };
    const [first, second] = (await runRanks(2, trainRank, { input: task })) as RankOutcome[];
    expect(second).toEqual(first);
    const strategy = buildStrategy(vit(vitOptions), { method: 'bp' });
    const { epochs } = await train(strategy, datasetOf(task.plain), { ...mixed, seed: 3, engine });
    const differences = Object.entries(parametersOf(strategy)).flatMap(([name, values]) =>
      [...values].map((value, i) => Math.abs(value - first!.parameters[name]![i]!)),
    );
    expect(Math.max(...differences)).toBeLessThan(5e-7);
    expect(first!.metrics[0]!['trainLoss']).toBeCloseTo(epochs[0]!.trainLoss, 5);
  });

  it('has layers draw for the rank’s share', () => {
    const strategy = buildStrategy(resnetCifar({ layers: 14, classes: 3, imageShape, seed: 1 }), {
      method: 'auglocal',
      depth: 2,
    });
    dataParallel({ rank: 1, size: 2 } as ProcessGroup, strategy, planSteps(strategy.updates), sgd(papersSgd));
    const counters = [...networkCounters(strategy.network), ...strategy.counters!];
    expect(new Set(counters.map(({ share }) => share))).toEqual(new Set([1]));
  });

  it('ends all ranks after the same step when one is asked to, and goes on to the bits of a run never interrupted', async () => {
    const outcomes = (await runRanks(2, trainRank, { input: { ...resnetTask, stops: 1 } })) as RankOutcome[];
    for (const { stoppedAt } of outcomes) expect(stoppedAt).toEqual({ interrupted: true, batches: 4 });
    expect(outcomes.map(({ parameters }) => parameters)).toEqual(
      (await whole()).map(({ parameters }) => parameters),
    );
    const losses = ({ metrics }: RankOutcome) => metrics.map(({ trainLoss }) => Number(trainLoss));
    for (const [i, loss] of losses((await whole())[0]!).entries())
      expect(losses(outcomes[0]!)[i]).toBeCloseTo(loss, 10);
  });
});

describe('shares of the batches', () => {
  const memory = (size: number) =>
    ({ kind: 'memory', size, images: new Uint8Array(), labels: new Uint16Array() }) as const;
  const settings = { batchSize: 16, lastBatch: 'keep' } as const;

  it('are refused where one would be too small, or an option wants the whole batch', () => {
    expect(() => checkShares(settings, { train: memory(96) }, 8)).not.toThrow();
    expect(() => checkShares(settings, { train: memory(96) }, 9)).toThrow(
      'train.batchSize: 16 images are too few for 9 ranks, which need two each: 18 or more',
    );
    expect(() => checkShares(settings, { train: memory(99) }, 2)).toThrow(
      'train.lastBatch: the last batch of an epoch has 3 images, too few for 2 ranks, which need two each: set it to drop',
    );
    expect(() => checkShares({ ...settings, lastBatch: 'drop' }, { train: memory(99) }, 2)).not.toThrow();
    expect(() => checkShares(settings, { train: memory(96), onBadImage: 'skip' }, 2)).toThrow(
      /^data\.onBadImage: /,
    );
  });
});
