import type * as tf from '@tensorflow/tfjs';
import { expect, it } from 'vitest';
import { nativeStatus } from '../../../src/engine/torch/load-native.js';
import { runRanks } from '../../distributed/ranks.js';

const status = nativeStatus();
const hasGroups = status.available && status.native.distributed !== null;

interface Held {
  /** Bytes of all variables that have values, the most after any step. */
  readonly bytes: number;
  /** Of what the rank trains. */
  readonly parameterBytes: number;
}

it.skipIf(!hasGroups)(
  'a rank holds its own blocks’ parameters and momenta, and of the rest of the network nothing',
  async () => {
    const held = (await runRanks(2, async ({ group, tf, load }) => {
      const { selectEngine } = await load<typeof import('../../../src/engine/select.js')>('engine/select.js');
      const { buildStrategy } = await load<typeof import('../../../src/local/build.js')>('local/build.js');
      const { resnetCifar } =
        await load<typeof import('../../../src/networks/resnet-cifar.js')>('networks/resnet-cifar.js');
      const { isAbsent } = await load<typeof import('../../../src/nn/absent.js')>('nn/absent.js');
      const { withoutMemory } =
        await load<typeof import('../../../src/nn/parameters.js')>('nn/parameters.js');
      const { trainBlocks } =
        await load<typeof import('../../../src/train/blocks/trainer.js')>('train/blocks/trainer.js');
      const { engine } = await selectEngine('torch');
      const imageShape = [8, 8, 3] as const;
      const split = (size: number) => ({
        ...({ kind: 'memory', size, images: new Uint8Array(size * 192).map((_, i) => i % 251) } as const),
        labels: new Uint16Array(size).map((_, i) => i % 2),
      });
      const strategy = withoutMemory(() =>
        buildStrategy(resnetCifar({ layers: 20, classes: 2, imageShape, seed: 1 }), {
          method: 'auglocal',
          depth: 2,
        }),
      );
      let bytes = 0;
      let parameterBytes = 0;
      await trainBlocks(
        strategy,
        {
          ...{ name: 'noise', classes: ['a', 'b'], imageShape, mean: [0, 0, 0], std: [1, 1, 1] },
          ...{ train: split(16), test: split(4) },
          augmentation: { crop: { kind: 'padded', pad: 1, padMode: 'zero' }, flip: true },
        },
        {
          ...{ epochs: 1, batchSize: 4, learningRate: 0.01, schedule: 'constant', workers: 0 },
          ...{ seed: 1, engine },
          onEvent(event) {
            if (event.type === 'ranks') parameterBytes = event.ranks[group.rank]!.parameterBytes;
            if (event.type !== 'step') return;
            const variables: tf.Variable[] = Object.values(tf.engine().state.registeredVariables);
            const own = variables.filter((variable) => !isAbsent(variable));
            bytes = Math.max(
              bytes,
              own.reduce((sum, { size }) => sum + 4 * size, 0),
            );
          },
        },
        {
          group,
          placement: [
            { first: 0, end: 5 },
            { first: 5, end: strategy.blocks },
          ],
          queue: 2,
        },
      );
      return { bytes, parameterBytes };
    })) as readonly Held[];
    for (const { bytes, parameterBytes } of held) {
      expect(bytes / (2 * parameterBytes)).toBeGreaterThan(1);
      expect(bytes / (2 * parameterBytes)).toBeLessThan(1.05);
    }
  },
  120_000,
);
