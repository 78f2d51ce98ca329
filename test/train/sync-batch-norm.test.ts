import { beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.js';
import type { Dataset } from '../../src/data/dataset.js';
import type { Engine } from '../../src/engine/engine.js';
import { selectEngine } from '../../src/engine/select.js';
import { nativeStatus } from '../../src/engine/torch/load-native.js';
import type { StrategyOptionsInput } from '../../src/local/options.js';
import { runRanks } from '../distributed/ranks.js';
import { sampleOf } from '../support/fuzz.js';
import { noiseDataset } from '../support/noise.js';
import { trainedAlone } from '../support/ranks.js';

const status = nativeStatus();
const hasGroups = status.available && status.native.distributed !== null;

/** What a training has come to. */
interface Outcome {
  readonly losses: readonly Record<string, number>[];
  readonly evaluationLosses: readonly number[];
  readonly tensors: ReadonlyMap<string, Float32Array>;
  readonly bytesPerStep: number;
}

const methods: Record<string, StrategyOptionsInput> = {
  bp: { method: 'bp' },
  auglocal: { method: 'auglocal', depth: 2 },
  man: { method: 'man', blocks: 3, auxiliary: '1c2f' },
  hpff: { method: 'hpff', blocks: 4, auxiliary: '1c1f' },
};
/** Batches of five images, of which one rank has three, and a last one of four. */
const changes = { epochs: 1, batchSize: 5, learningRate: 0.02, schedule: 'constant' } as const;

type Trainings = readonly { readonly method: string; readonly changes: object }[];

/** As a string in a process of its own: it knows nothing of this file. */
const trainRank = async ({
  group,
  input,
  load,
}: Parameters<
  Parameters<typeof runRanks<{ trainings: Trainings; methods: typeof methods; dataset: Dataset }>>[1]
>[0]) => {
  type M<T> = T;
  const { resnetCifar } =
    await load<M<typeof import('../../src/networks/resnet-cifar.js')>>('networks/resnet-cifar.js');
  const { buildStrategy } = await load<M<typeof import('../../src/local/build.js')>>('local/build.js');
  const { train } = await load<M<typeof import('../../src/train/trainer.js')>>('train/trainer.js');
  const { selectEngine } = await load<M<typeof import('../../src/engine/select.js')>>('engine/select.js');
  const { engine } = await selectEngine('torch');
  const { dataset } = input;
  const { imageShape } = dataset;
  const outcomes = [];
  for (const { method, changes } of input.trainings) {
    const network = resnetCifar({ layers: 14, classes: 4, imageShape, seed: 1 });
    const strategy = buildStrategy(network, input.methods[method]!);
    let tensors = new Map<string, Float32Array>();
    let bytesPerStep = 0;
    const { epochs } = await train(strategy, dataset, {
      ...({ epochs: 1, batchSize: 5, learningRate: 0.02, workers: 0, seed: 1 } as const),
      ...{ engine, ranks: group },
      onState: (state) => {
        tensors = new Map([...state.tensors].map(([name, { values }]) => [name, Float32Array.from(values)]));
      },
      onEvent: (event) => {
        if (event.type === 'ranks') ({ bytesPerStep } = event.ranks[0]!);
      },
      ...changes,
    });
    const losses = epochs.map(({ updateLosses }) => updateLosses);
    const evaluationLosses = epochs.map(({ evaluationLoss }) => evaluationLoss);
    outcomes.push({ losses, evaluationLosses, tensors, bytesPerStep });
  }
  return outcomes;
};

/**
 * The largest distance of any kind of tensors from those of one process, as vectors, relative. All of a kind are one vector:
 * a bias before batch normalisation has a gradient of nothing but rounding.
 */
function distance(
  found: Outcome['tensors'],
  wanted: ReadonlyMap<string, { values: ArrayLike<number> }>,
): number {
  expect([...found.keys()]).toEqual([...wanted.keys()]);
  const kinds = new Map<string, { apart: number; whole: number }>();
  for (const [name, { values }] of wanted) {
    const kind = name.replace(/\/.*\./, ' ');
    const { apart, whole } = kinds.get(kind) ?? { apart: 0, whole: 0 };
    const own = Float32Array.from(values);
    const theirs = found.get(name)!;
    kinds.set(kind, {
      apart: own.reduce((sum, value, i) => sum + (value - theirs[i]!) ** 2, apart),
      whole: own.reduce((sum, value) => sum + value ** 2, whole),
    });
  }
  return Math.max(...[...kinds.values()].map(({ apart, whole }) => Math.sqrt(apart / whole)));
}

describe.skipIf(!hasGroups)('statistics of the whole batch over two ranks', () => {
  let engine: Engine;
  beforeAll(async () => ({ engine } = await selectEngine('torch')));

  it('losses, weights, momenta and running statistics are those of one process, to rounding', async () => {
    const trainings: Trainings = [
      ...['bp', ...sampleOf(['auglocal', 'man', 'hpff'], 3)].map((method) => ({
        method,
        changes: { ...changes, syncBatchNorm: true },
      })),
      { method: 'bp', changes },
    ];
    const [first, second] = (await runRanks(2, trainRank, {
      input: { trainings, methods, dataset: noiseDataset },
    })) as Outcome[][];
    for (const [i, { method }] of trainings.entries()) {
      const synced = i < trainings.length - 1;
      const alone = await trainedAlone(engine, methods[method]!, changes);
      expect(second![i]!.tensors).toEqual(first![i]!.tensors);
      const apart = distance(first![i]!.tensors, alone.state.tensors);
      if (!synced) expect(apart).toBeGreaterThan(0.01);
      else {
        expect(apart).toBeLessThan(1e-5);
        for (const [epoch, { updateLosses, evaluationLoss }] of alone.epochs.entries()) {
          expect(first![i]!.evaluationLosses[epoch]).toBeCloseTo(evaluationLoss, 5);
          for (const [name, loss] of Object.entries(updateLosses))
            expect(Math.abs(first![i]!.losses[epoch]![name]! - loss)).toBeLessThan(1e-5);
        }
      }
    }
    // What is summed of statistics counts too.
    expect(first![0]!.bytesPerStep).toBeGreaterThan(first!.at(-1)!.bytesPerStep);
  }, 120_000);
});

it('is refused where there is nothing to sum, or no order in which to', () => {
  const config = (lines: string): string =>
    `name: a\ndata: { name: fashion-mnist }\nnetwork: { name: resnet, layers: 8 }\n` +
    `train: { epochs: 1, batchSize: 4, learningRate: 0.1, syncBatchNorm: true }\n${lines}\n`;
  const dgl = 'method: { method: dgl }';
  expect(parseConfig(config(`${dgl}\nparallel: data`), 'a.yaml').train.syncBatchNorm).toBe(true);
  for (const parallel of ['', 'parallel: { blocks: 2 }'])
    expect(() => parseConfig(config(`${dgl}\n${parallel}`), 'a.yaml')).toThrow(
      /train\.syncBatchNorm: is for parallel: data, .*: leave it out/,
    );
  const auto = 'method: { method: dgl, recompute: auto, memory: 1GB }\nparallel: data';
  expect(() => parseConfig(config(auto), 'a.yaml')).toThrow(
    /train\.syncBatchNorm: cannot go with recompute: auto/,
  );
});
