import tf = require('@tensorflow/tfjs');
import { normal, uniform, type Computation, type Families } from '../../../compare.js';

const image = (channels = 3): tf.Tensor4D => normal('image', [2, 7, 8, channels]);

/** What layers of a network are made of, on images. */
export const layerCases: Families = {
  convolution: {
    ...Object.fromEntries(
      convolutions().map(([filterSize, strides, pad, dilations, inputs, outputs]): [string, Computation] => [
        `conv2d ${filterSize.join('×')} stride ${strides} pad ${JSON.stringify(pad)} dilation ${dilations}`,
        () =>
          tf.conv2d(
            image(inputs),
            normal('f', [...filterSize, inputs, outputs]),
            strides,
            pad,
            'NHWC',
            dilations,
            rounding(pad),
          ),
      ]),
    ),
    'NCHW and a single image': () => [
      tf.conv2d(normal<tf.Rank.R4>('x', [2, 3, 7, 8]), normal('f', [3, 3, 3, 4]), 1, 'valid', 'NCHW'),
      tf.conv2d(normal<tf.Rank.R3>('x3', [7, 8, 3]), normal('f', [3, 3, 3, 4]), 2, 'same'),
    ],
    'transposed and one-dimensional': () => [
      tf.conv2dTranspose(image(4), normal('f', [3, 3, 5, 4]), [2, 14, 16, 5], 2, 'same'),
      tf.conv1d(normal<tf.Rank.R3>('x', [2, 9, 3]), normal('f', [3, 3, 4]), 2, 'same'),
    ],
    fused: () =>
      tf.fused.conv2d({
        x: image(),
        filter: normal('f', [3, 3, 3, 4]),
        strides: 1,
        pad: 'same',
        bias: normal('bias', [4]),
        activation: 'relu',
      }),
    depthwise: () => [
      tf.depthwiseConv2d(image(), normal('f', [3, 3, 3, 2]), 1, 'same'),
      tf.depthwiseConv2d(image(), normal('f', [3, 3, 3, 2]), 2, 'same'),
      tf.depthwiseConv2d(image(), normal('f', [3, 3, 3, 1]), 1, 'valid', 'NHWC', 2),
      tf.separableConv2d(image(), normal('f', [3, 3, 3, 2]), normal('p', [1, 1, 6, 4]), 1, 'same'),
      tf.fused.depthwiseConv2d({
        x: image(),
        filter: normal('f', [3, 3, 3, 2]),
        strides: 1,
        pad: 'same',
        bias: normal('bias', [6]),
        activation: 'relu6',
      }),
    ],
    'three-dimensional': () => [
      tf.conv3d(normal<tf.Rank.R5>('x', [2, 4, 5, 6, 3]), normal('f', [2, 3, 3, 3, 4]), 1, 'same'),
      tf.conv3d(normal<tf.Rank.R5>('x', [2, 4, 5, 6, 3]), normal('f', [2, 3, 3, 3, 4]), 2, 'valid'),
    ],
  },
  pooling: {
    ...Object.fromEntries(
      pools().map(([size, strides, pad]): [string, Computation] => [
        `${size}×${size} stride ${strides} pad ${JSON.stringify(pad)}`,
        () => [
          tf.maxPool(image(), size, strides, pad, rounding(pad)),
          tf.avgPool(image(), size, strides, pad, rounding(pad)),
        ],
      ]),
    ),
    'three-dimensional': () => [
      tf.maxPool3d(normal<tf.Rank.R5>('x', [2, 4, 5, 6, 3]), 2, 2, 'same'),
      tf.avgPool3d(normal<tf.Rank.R5>('x', [2, 4, 5, 6, 3]), 3, 1, 'same'),
    ],
    'with positions': () => {
      const { result, indexes } = tf.maxPoolWithArgmax(image(), 2, 2, 'same');
      return [result!, indexes!];
    },
  },
  normalization: {
    'batchNorm per channel': () =>
      tf.batchNorm(
        image(),
        normal('m', [3]),
        uniform('v', [3], 0.1, 2),
        normal('b', [3]),
        normal('g', [3]),
        1e-3,
      ),
    'batchNorm without scale, of a matrix': () => [
      tf.batchNorm(image(), normal('m', [3]), uniform('v', [3], 0.1, 2)),
      tf.batchNorm(
        normal<tf.Rank.R2>('x', [5, 3]),
        normal('m', [3]),
        uniform('v', [3], 0.1, 2),
        undefined,
        normal('g', [3]),
      ),
    ],
    'batchNorm per value': () =>
      tf.batchNorm(image(), normal('m', [2, 7, 8, 3]), uniform('v', [2, 7, 8, 3], 0.1, 2)),
    'local response': () => tf.localResponseNormalization(image(6), 2, 1, 0.5, 0.75),
  },
  image: {
    'bilinear, corners aligned': () => [
      tf.image.resizeBilinear(image(), [14, 16], true),
      tf.image.resizeBilinear(image(), [3, 5], true),
      tf.image.resizeBilinear(image(), [1, 1], true),
    ],
    'bilinear, half pixels': () => tf.image.resizeBilinear(image(), [14, 5], false, true),
    'bilinear, the old convention': () => tf.image.resizeBilinear(image(), [11, 5]),
    nearest: () => [
      tf.image.resizeNearestNeighbor(image(), [14, 5]),
      tf.image.resizeNearestNeighbor(image(), [14, 5], true),
      tf.image.resizeNearestNeighbor(image(), [14, 5], false, true),
    ],
    'crop and rotate': () => [
      tf.image.cropAndResize(image(), tf.tensor2d([[0.1, 0.2, 0.9, 0.7]]), tf.tensor1d([1], 'int32'), [4, 4]),
      tf.image.rotateWithOffset(image(), 0.5),
    ],
    'non-max suppression': () =>
      tf.image.nonMaxSuppression(
        tf.tensor2d([
          [0, 0, 1, 1],
          [0, 0, 1, 0.9],
          [0, 5, 1, 6],
        ]),
        tf.tensor1d([0.9, 0.8, 0.7]),
        3,
      ),
  },
};

/** Filter size, stride, padding, dilation, input and output channels. */
function convolutions(): [[number, number], number, Pad, number, number, number][] {
  return [
    [[3, 3], 1, 'same', 1, 3, 4],
    [[3, 3], 2, 'same', 1, 3, 4],
    [[2, 2], 1, 'same', 1, 3, 4],
    [[3, 3], 1, 'valid', 2, 3, 4],
    [[3, 3], 1, 'same', 2, 1, 4],
    [[1, 1], 1, 'valid', 1, 3, 5],
    [[1, 1], 2, 'valid', 1, 3, 5],
    [[3, 2], 2, 1, 1, 3, 1],
    [
      [3, 3],
      1,
      [
        [0, 0],
        [1, 2],
        [0, 3],
        [0, 0],
      ],
      1,
      2,
      4,
    ],
    [[7, 8], 1, 'valid', 1, 3, 4],
  ];
}

/** Size, stride, padding. */
function pools(): [number, number, Pad][] {
  return [
    [2, 2, 'valid'],
    [2, 2, 'same'],
    [3, 2, 'same'],
    [3, 1, 'same'],
    [2, 1, 'same'],
    [3, 2, 1],
    [
      3,
      2,
      [
        [0, 0],
        [1, 2],
        [2, 0],
        [0, 0],
      ],
    ],
    [1, 2, 'valid'],
  ];
}

type Pad =
  'same' | 'valid' | number | [[number, number], [number, number], [number, number], [number, number]];

/** TensorFlow.js asks for a rounding mode with explicit padding, and refuses one without. */
function rounding(pad: Pad): 'floor' | undefined {
  return typeof pad === 'number' ? 'floor' : undefined;
}
