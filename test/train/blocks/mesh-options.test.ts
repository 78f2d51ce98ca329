import { expect, it, vi } from 'vitest';
import type { Dataset } from '../../../src/data/dataset.js';
import { nativeStatus } from '../../../src/engine/torch/load-native.js';
import type { ByClass } from '../../../src/train/by-class.js';
import { runRanks, type RankContext } from '../../distributed/ranks.js';
import { noise, noiseDataset } from '../../support/noise.js';

vi.setConfig({ testTimeout: 240_000 });

const status = nativeStatus();
const hasGroups = status.available && status.native.distributed !== null;

/** What a training has come to, as JSON can carry it: tensors by their digests. */
interface Numbers {
  readonly interrupted: boolean;
  readonly tensors: Record<string, string>;
  readonly epochs: readonly (readonly number[])[];
  readonly byClass: readonly ByClass[];
  /** Batches that were evaluated. */
  readonly evaluated: number;
  /** Of an epoch that is not finished. */
  readonly steps: number | undefined;
}
interface Outcome {
  /** Undefined on ranks that record nothing. */
  readonly mesh: Numbers | undefined;
  readonly data: Numbers | undefined;
  /** Of runs that another rank wanted to stop in the first evaluation, and what became of that of the mesh. */
  readonly stopped: Numbers | undefined;
  readonly stoppedData: Numbers | undefined;
  readonly resumed: Numbers | undefined;
  /** Tensors that were left over. */
  readonly left: number;
}

/** As a string in a process of its own: it knows nothing of this file. */
const trainRank = async ({
  group,
  tf,
  input: dataset,
  environment,
  load,
}: RankContext<Dataset>): Promise<Outcome> => {
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
  const { selectEngine } = await load<M<typeof import('../../../src/engine/select.js')>>('engine/select.js');
  type State = import('../../../src/train/state.js').TrainState;
  type Event = import('../../../src/train/events.js').TrainEvent;
  const { engine } = await selectEngine('torch');
  const placement = placementIn(environment)!;
  const place = meshPlace(group.rank, 2, 4);
  const within = group as never;
  const row = await joinProcessGroup(placement, { timeoutSeconds: 60, part: { ...place.row, within } });
  const column = await joinProcessGroup(placement, { timeoutSeconds: 60, part: { ...place.column, within } });
  const { imageShape } = dataset;
  let state: State | undefined;
  /** By blocks and shares on four ranks, or by shares on the first ranks of both rows. */
  const trained = async (how: 'mesh' | 'data', stops = false, resume?: State) => {
    const build = () =>
      buildStrategy(resnetCifar({ layers: 8, classes: 4, imageShape, seed: 1 }), {
        ...{ method: 'man', blocks: 3, auxiliary: '1c2f' },
      } as never);
    const strategy = how === 'mesh' ? withoutMemory(build) : build();
    const stop = new AbortController();
    let evaluated = 0;
    const byClass: ByClass[] = [];
    const section = {
      ...({ epochs: 9, batchSize: 8, learningRate: 0.02, workers: 0, seed: 1, engine } as const),
      ...{ schedule: 'constant' as const, mixup: 0.4, labelSmoothing: 0.1, accumulate: 4 },
      earlyStopping: { patience: 1, minDelta: 0.9 },
      ...{ resume, signal: stop.signal },
      ...(group.rank === 0 && { onState: (each: State) => void (state = each) }),
      onEvent: (event: Event) => {
        if (event.type === 'epoch-end') byClass.push(event.byClass);
        if (event.type !== 'evaluation') return;
        evaluated++;
        if (stops && group.rank === 2) stop.abort();
      },
    };
    const blocks = [
      { first: 0, end: 1 },
      { first: 1, end: 3 },
    ];
    const shares = { all: group, column };
    const { interrupted, epochs } =
      how === 'mesh'
        ? await trainBlocks(strategy, dataset, section, {
            ...{ group: row, shares, placement: blocks, queue: 2 },
          })
        : await train(strategy, dataset, { ...section, ranks: column });
    strategy.dispose();
    disposeNetwork(strategy.network);
    if (group.rank > 0) return undefined;
    const digest = ({ buffer, byteOffset, byteLength }: ArrayBufferView): string =>
      sha256Of(new Uint8Array(buffer, byteOffset, byteLength));
    return {
      ...{ interrupted, evaluated, byClass, steps: state!.partial?.steps },
      tensors: Object.fromEntries([...state!.tensors].map(([name, { values }]) => [name, digest(values)])),
      epochs: epochs.map((each) => [each.trainLoss, each.evaluationLoss, each.evaluationAccuracy]),
    };
  };
  const before = tf.memory().numTensors;
  const mesh = await trained('mesh');
  const stopped = await trained('mesh', true);
  const resumed = await trained('mesh', false, state);
  const isFirst = row.rank === 0;
  const data = isFirst ? await trained('data') : undefined;
  const stoppedData = isFirst ? await trained('data', true) : undefined;
  const left = tf.memory().numTensors - before;
  await row.close();
  await column.close();
  return { mesh, data, stopped, stoppedData, resumed, left };
};

it.skipIf(!hasGroups)(
  'mixed images, micro-batches and an early end over four ranks are those of two that share batches; a stop ends an evaluation',
  async () => {
    // Of the last image to evaluate on one share has none.
    const input: Dataset = { ...noiseDataset, train: noise(22, 'train'), test: noise(33, 'test') };
    const [first, ...others] = (await runRanks(4, trainRank, { input })) as Outcome[];
    const { mesh, data, stopped, stoppedData, resumed } = first!;
    expect(mesh).toEqual(data);
    // Of the last of five batches this rank has no image.
    expect([mesh!.epochs.length, mesh!.evaluated, mesh!.interrupted]).toEqual([2, 8, false]);
    expect(mesh!.byClass[0]!.images).toEqual([9, 8, 8, 8]);
    for (const each of [stopped, stoppedData]) {
      expect([each!.interrupted, each!.steps, each!.epochs]).toEqual([true, 3, []]);
      // Asked for at the first batch: told after it, and known to all after the next.
      expect(each!.evaluated).toBeLessThan(4);
    }
    expect(resumed!.tensors).toEqual(mesh!.tensors);
    expect(resumed!.epochs).toEqual(mesh!.epochs);
    for (const { left } of [first!, ...others]) expect(left).toBe(0);
  },
);
