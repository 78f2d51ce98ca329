import { expect, it, vi } from 'vitest';
import { meshPlace } from '../../../src/distributed/mesh.js';
import type { Dataset } from '../../../src/data/dataset.js';
import { nativeStatus } from '../../../src/engine/torch/load-native.js';
import type { StrategyOptionsInput } from '../../../src/local/options.js';
import { runRanks, type RankContext } from '../../distributed/ranks.js';
import { sampleOf } from '../../support/fuzz.js';
import { noiseDataset } from '../../support/noise.js';

vi.setConfig({ testTimeout: 240_000 });

const status = nativeStatus();
const hasGroups = status.available && status.native.distributed !== null;

it('neighbours in blocks have ranks that follow each other, those with the same blocks are a row apart', () => {
  expect(meshPlace(4, 3, 6)).toEqual({
    row: { name: 'share 1', ranks: [3, 4, 5] },
    column: { name: 'blocks 1', ranks: [1, 4] },
  });
});

interface Task {
  readonly options: StrategyOptionsInput;
  readonly cut: number;
  readonly changes: object;
}
/** What a training has come to, as JSON can carry it: tensors by their digests. */
interface Numbers {
  readonly tensors: Record<string, string>;
  readonly counters: object;
  readonly epochs: readonly object[];
}
interface Outcome {
  /** By task; undefined on ranks that record nothing. */
  readonly mesh: readonly (Numbers | undefined)[];
  readonly data: readonly (Numbers | undefined)[];
  /** Of a run that the first rank of the second row wanted to stop, and that went on as a mesh, by shares and alone. */
  readonly stopped: { readonly interrupted: boolean; readonly steps?: number | undefined };
  readonly resumed: readonly (Numbers | undefined)[];
  /** Tensors that were left over. */
  readonly left: number;
  readonly shares: readonly unknown[];
}

/** As a string in a process of its own: it knows nothing of this file. */
const trainRank = async ({
  group,
  tf,
  input,
  environment,
  load,
}: RankContext<{ readonly tasks: readonly Task[]; readonly dataset: Dataset }>): Promise<Outcome> => {
  type M<T> = T;
  const { sha256Of } = await load<M<typeof import('../../../src/core/sha256.js')>>('core/sha256.js');
  const { joinProcessGroup } =
    await load<M<typeof import('../../../src/distributed/join.js')>>('distributed/join.js');
  const { placementIn } =
    await load<M<typeof import('../../../src/distributed/placement.js')>>('distributed/placement.js');
  const { meshPlace } =
    await load<M<typeof import('../../../src/distributed/mesh.js')>>('distributed/mesh.js');
  const { resnetCifar } =
    await load<M<typeof import('../../../src/networks/resnet-cifar.js')>>('networks/resnet-cifar.js');
  const { disposeNetwork } =
    await load<M<typeof import('../../../src/networks/network.js')>>('networks/network.js');
  const { buildStrategy } = await load<M<typeof import('../../../src/local/build.js')>>('local/build.js');
  const { withoutMemory } = await load<M<typeof import('../../../src/nn/parameters.js')>>('nn/parameters.js');
  const { train } = await load<M<typeof import('../../../src/train/trainer.js')>>('train/trainer.js');
  const { trainBlocks } =
    await load<M<typeof import('../../../src/train/blocks/trainer.js')>>('train/blocks/trainer.js');
  const { giveState, takeState } =
    await load<M<typeof import('../../../src/train/give-state.js')>>('train/give-state.js');
  const { selectEngine } = await load<M<typeof import('../../../src/engine/select.js')>>('engine/select.js');
  type State = import('../../../src/train/state.js').TrainState;
  const { engine } = await selectEngine('torch');
  const placement = placementIn(environment)!;
  const place = meshPlace(group.rank, 2, 4);
  const within = group as never;
  const row = await joinProcessGroup(placement, { timeoutSeconds: 60, part: { ...place.row, within } });
  const column = await joinProcessGroup(placement, { timeoutSeconds: 60, part: { ...place.column, within } });
  const { tasks, dataset } = input;
  const { imageShape } = dataset;
  const shares: unknown[] = [];
  /** By blocks and shares on four ranks, by shares on the first ranks of both rows, or on one. */
  const trained = async (
    how: 'mesh' | 'data' | 'alone',
    { options, cut, changes }: Task,
    resume?: State,
    stop?: AbortController,
  ) => {
    let state: State | undefined;
    const build = () => buildStrategy(resnetCifar({ layers: 14, classes: 4, imageShape, seed: 1 }), options);
    const strategy = how === 'mesh' ? withoutMemory(build) : build();
    const section = {
      ...({ epochs: 2, batchSize: 5, learningRate: 0.02, workers: 0, seed: 1, engine } as const),
      schedule: 'constant' as const,
      ...{ resume, signal: stop?.signal },
      ...(group.rank === 0 && { onState: (each: State) => void (state = each) }),
      onEvent: (event: import('../../../src/train/events.js').TrainEvent) => {
        if (event.type === 'step') stop?.abort();
        if (event.type === 'ranks' && how === 'mesh')
          shares.splice(0, 9, ...event.ranks.map((each) => [each.share, each.blocks]));
      },
      ...changes,
    };
    const blocks = [
      { first: 0, end: cut },
      { first: cut, end: strategy.blocks },
    ];
    const { interrupted, epochs } =
      how === 'mesh'
        ? await trainBlocks(strategy, dataset, section, {
            ...{ group: row, shares: { all: group, column }, placement: blocks, queue: 2 },
          })
        : await train(strategy, dataset, { ...section, ...(how === 'data' && { ranks: column }) });
    strategy.dispose();
    disposeNetwork(strategy.network);
    const digest = ({ buffer, byteOffset, byteLength }: ArrayBufferView): string =>
      sha256Of(new Uint8Array(buffer, byteOffset, byteLength));
    const numbers =
      state &&
      ({
        tensors: Object.fromEntries([...state.tensors].map(([name, { values }]) => [name, digest(values)])),
        counters: state.counters,
        epochs: epochs.map(({ trainLoss, evaluationLoss, evaluationAccuracy, ...rest }) => ({
          ...{ trainLoss, evaluationLoss, evaluationAccuracy, updateLosses: rest.updateLosses },
          ...{ updateAccuracies: rest.updateAccuracies, skippedImages: rest.skippedImages },
        })),
      } satisfies Numbers);
    return { interrupted, state, numbers };
  };
  const before = tf.memory().numTensors;
  const mesh = [];
  const data = [];
  for (const task of tasks) {
    mesh.push((await trained('mesh', task)).numbers);
    if (row.rank === 0) data.push((await trained('data', task)).numbers);
  }
  const [task] = tasks;
  const controller = group.rank === 2 ? new AbortController() : undefined;
  const { interrupted, state } = await trained('mesh', task!, undefined, controller);
  const resumed = [(await trained('mesh', task!, state)).numbers];
  if (row.rank === 0) {
    if (group.rank === 0) await giveState(column, state);
    const given = group.rank === 0 ? state : await takeState(column);
    resumed.push((await trained('data', task!, given)).numbers);
  }
  const alone = group.rank === 0 ? await trained('alone', task!, state) : undefined;
  resumed.push(alone?.numbers);
  const left = tf.memory().numTensors - before;
  await row.close();
  await column.close();
  const stopped = { interrupted, steps: state?.partial?.steps };
  return { mesh, data, stopped, resumed, left, shares };
};

// Batches of five images, of which one share has three; an evaluation whose last batch is one image.
const others: readonly Task[] = [
  {
    options: { method: 'man', blocks: 3, auxiliary: '1c2f' },
    cut: 2,
    changes: { ema: { decay: 0.9 }, clip: { norm: 1 } },
  },
  {
    options: { method: 'hpff', blocks: 4, auxiliary: '1c1f' },
    cut: 2,
    changes: { epochs: 1, syncBatchNorm: true },
  },
  { options: { method: 'mlaan', blocks: 5 }, cut: 4, changes: { epochs: 1 } },
];
const tasks: readonly Task[] = [
  { options: { method: 'auglocal', depth: 2 }, cut: 2, changes: {} },
  ...sampleOf(others, 3),
];

it.skipIf(!hasGroups)(
  'blocks and shares over four ranks: the bits of two ranks that share batches, and runs that go on in any way',
  async () => {
    const [first, ...others] = (await runRanks(4, trainRank, {
      input: { tasks, dataset: noiseDataset },
    })) as Outcome[];
    tasks.forEach(({ options }, i) => {
      const [mesh, data] = [first!.mesh[i], first!.data[i]];
      const differing = Object.entries(data!.tensors).filter(([name, each]) => mesh!.tensors[name] !== each);
      expect([options.method, differing.map(([name]) => name)]).toEqual([options.method, []]);
      expect(mesh).toEqual(data);
    });
    expect(first!.stopped).toEqual({ interrupted: true, steps: 2 });
    const [mesh, data, alone] = first!.resumed;
    expect(mesh).toEqual(data);
    // Running statistics were averaged when it stopped.
    const parameters = ({ tensors }: Numbers): [string, string][] =>
      Object.entries(tensors).filter(([name]) => !/running_(mean|var)$/.test(name));
    expect(parameters(mesh!)).toEqual(parameters(first!.mesh[0]!));
    expect(alone!.epochs).toHaveLength(2);
    for (const { stopped, left } of others) expect([stopped.interrupted, left]).toEqual([true, 0]);
    expect(first!.left).toBe(0);
    expect(first!.shares).toEqual([
      [
        [1, 2],
        [1, 2],
      ],
      [
        [1, 2],
        [3, 5],
      ],
      [
        [2, 2],
        [1, 2],
      ],
      [
        [2, 2],
        [3, 5],
      ],
    ]);
  },
);
