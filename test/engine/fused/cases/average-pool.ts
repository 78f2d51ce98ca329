import type * as tf from '@tensorflow/tfjs';
import { averagePoolOp } from '../../../../src/engine/fused/average-pool.js';
import type { OpCase } from '../op-case.js';

export const averagePoolCases: readonly OpCase[] = [
  {
    name: 'mean over the map',
    inputs: [{ name: 'x', shape: [2, 3, 4, 5] }],
    op: ([x]) => averagePoolOp(x as tf.Tensor4D),
    reference: ([x]) =>
      Float64Array.from({ length: 10 }, (_, at) => {
        const [image, channel] = [Math.floor(at / 5), at % 5];
        let sum = 0;
        for (let pixel = 0; pixel < 12; pixel++) sum += x![(image * 12 + pixel) * 5 + channel]!;
        return sum / 12;
      }),
  },
];
