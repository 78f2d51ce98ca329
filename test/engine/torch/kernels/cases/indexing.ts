import tf = require('@tensorflow/tfjs');
import { integers, normal, type Families } from '../../../compare.js';

const strings = (): tf.Tensor2D =>
  tf.tensor2d(
    [
      ['a', 'bc'],
      ['', 'd'],
    ],
    [2, 2],
    'string',
  );
const image = (channels = 3): tf.Tensor4D => normal('image', [2, 7, 8, channels]);

/** Shapes, parts and indices. */
export const indexingCases: Families = {
  shape: {
    'reshape of a transposed tensor': () => {
      const x = normal<tf.Rank.R3>('x', [2, 3, 4]);
      const t = tf.transpose(x, [2, 0, 1]);
      return [
        t,
        tf.reshape(t, [8, 3]),
        tf.reshape(t, [-1]),
        tf.add(tf.reshape(t, [4, 6]), 1),
        tf.transpose(t),
      ];
    },
    'expandDims and squeeze': () => [
      tf.expandDims(normal('x', [2, 3]), 1),
      tf.squeeze(normal('x', [1, 2, 1])),
    ],
    concat: () => [
      tf.concat([normal('a', [2, 3]), normal('b', [2, 1])], 1),
      tf.concat([normal('a', [2, 3]), tf.zeros([0, 3]), normal('c', [1, 3])], 0),
      tf.concat([integers('a', [2], 0, 5), integers('b', [3], 0, 5)]),
    ],
    'stack and unstack': () => [
      tf.stack([normal('a', [2, 3]), normal('b', [2, 3])], 1),
      ...tf.unstack(normal('x', [2, 3, 2]), 1),
    ],
    split: () => [...tf.split(normal('x', [2, 6]), 3, 1), ...tf.split(normal('x', [2, 6]), [1, 2, 3], -1)],
    'tile and broadcastTo': () => [
      tf.tile(normal('x', [2, 3]), [2, 3]),
      tf.broadcastTo(normal('x', [2, 1]), [2, 4]),
    ],
    pad: () => [
      tf.pad(
        normal('x', [2, 3]),
        [
          [1, 2],
          [0, 1],
        ],
        7,
      ),
      tf.pad(integers('x', [3], 0, 9), [[2, 2]]),
      tf.mirrorPad(
        normal('x', [3, 4]),
        [
          [1, 2],
          [2, 0],
        ],
        'reflect',
      ),
      tf.mirrorPad(
        normal('x', [3, 4]),
        [
          [1, 2],
          [2, 0],
        ],
        'symmetric',
      ),
    ],
    reverse: () => [tf.reverse(normal('x', [2, 3, 4]), [0, 2]), tf.image.flipLeftRight(image())],
    'space and depth': () => [
      tf.depthToSpace(normal('x', [1, 2, 3, 8]), 2),
      tf.spaceToBatchND(
        normal('x', [1, 4, 6, 2]),
        [2, 3],
        [
          [0, 0],
          [3, 0],
        ],
      ),
      tf.batchToSpaceND(
        normal('x', [6, 2, 3, 2]),
        [2, 3],
        [
          [0, 1],
          [2, 0],
        ],
      ),
    ],
    diag: () => tf.diag(normal('x', [3, 2])),
    strings: () => [
      tf.cast(tf.equal(strings(), strings()), 'int32'),
      tf.cast(tf.equal(tf.concat([strings(), strings()]), 'd'), 'int32'),
    ],
  },
  slicing: {
    slice: () => [
      tf.slice(normal('x', [4, 5, 3]), [1, 0, 1], [2, -1, 1]),
      tf.slice(normal('x', [4, 5]), [0, 0], [4, 5]),
      tf.slice(normal('x', [4, 5]), [2, 2], [0, 1]),
    ],
    'strided, forward and backward': () => [
      tf.stridedSlice(normal('x', [5, 6]), [0, 1], [5, 6], [2, 3]),
      tf.stridedSlice(normal('x', [5, 6]), [4, 5], [0, 0], [-2, -1]),
      tf.stridedSlice(normal('x', [5, 6]), [1, 0], [3, 6], [1, 1], 0, 0, 0, 0, 1),
    ],
    gather: () => [
      tf.gather(normal('x', [4, 3]), tf.tensor1d([3, 0, 0], 'int32')),
      tf.gather(normal('x', [2, 4, 3]), integers('i', [2, 2], 0, 4), 1),
      tf.gather(normal('x', [2, 4, 3]), integers('i', [2, 5], 0, 4), 1, 1),
    ],
    'gatherND, scatterND and updates': () => {
      const at = tf.tensor2d(
        [
          [0, 1],
          [2, 2],
          [0, 1],
        ],
        [3, 2],
        'int32',
      );
      return [
        tf.gatherND(normal('x', [3, 4, 2]), at),
        tf.scatterND(at, normal('u', [3]), [3, 4]),
        tf.tensorScatterUpdate(
          normal('x', [3, 4]),
          tf.tensor2d(
            [
              [0, 1],
              [2, 2],
            ],
            [2, 2],
            'int32',
          ),
          normal('u', [2]),
        ),
        tf.sparseToDense(tf.tensor1d([1, 3], 'int32'), tf.tensor1d([5, 6]), [5], 9),
      ];
    },
    'segments and one-hot': () => [
      tf.unsortedSegmentSum(normal('x', [5, 2]), tf.tensor1d([0, 2, 0, 7, -1], 'int32'), 3),
      tf.oneHot(
        tf.tensor2d(
          [
            [1, 0],
            [5, 2],
          ],
          [2, 2],
          'int32',
        ),
        3,
        2,
        -1,
      ),
    ],
    'searchSorted, unique and bincount': () => [
      tf.searchSorted(tf.tensor2d([[1, 3, 3, 9]]), tf.tensor2d([[0, 3, 4, 10]]), 'left'),
      tf.searchSorted(tf.tensor2d([[1, 3, 3, 9]]), tf.tensor2d([[0, 3, 4, 10]]), 'right'),
      ...Object.values(tf.unique(tf.tensor1d([3, 1, 3, 2]))),
      tf.bincount(tf.tensor1d([1, 1, 4], 'int32'), tf.tensor1d([]), 5),
    ],
  },
};
