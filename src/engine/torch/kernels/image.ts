import tf = require('@tensorflow/tfjs');
import type { NativeTensor } from '../native.js';
import { floatsOf, kernel, type KernelContext, type KernelTable } from './kernel.js';

/** Resizing images [n, h, w, c], and the gradients of that. */
export function imageKernels(backend: KernelContext): KernelTable {
  const { op, input, isShort, output, constant, device } = backend;
  const bilinear = op('aten::upsample_bilinear2d');
  const bilinearBackward = op('aten::upsample_bilinear2d_backward');
  const permute = op('aten::permute');
  const reshape = op('aten::reshape');
  const matmul = op('aten::matmul');
  const cast = op('aten::to', 'dtype');
  const select = op('aten::index_select');
  const addAt = op('aten::index_add_');
  const full = op('aten::full');

  const asFloat = floatsOf(backend);

  /** Held as the map that it was made of. */
  const heldAs = (like: tf.TensorInfo, x: NativeTensor): NativeTensor =>
    isShort(like) ? cast(x, 'bfloat16') : x;

  /** Both axes of x [n, h, w, c] times matrices [h', h] and [w', w]. */
  const alongAxes = (
    x: NativeTensor,
    shape: Shape,
    rows: NativeTensor,
    columns: NativeTensor,
    size: Size,
  ): NativeTensor => {
    const [batch, height, width, channels] = shape;
    const resizedRows = matmul(rows, reshape(x, [batch, height, width * channels]));
    const resized = matmul(columns, reshape(resizedRows, [batch * size[0], width, channels]));
    return reshape(resized, [batch, size[0], size[1], channels]);
  };

  const matrix = (from: number, to: number, transposed: boolean): NativeTensor => {
    const values = interpolationMatrix(from, to);
    return constant(
      transposed ? transpose(values, to, from) : values,
      transposed ? [from, to] : [to, from],
      'float32',
    );
  };

  const nearest = (
    from: number,
    to: number,
    alignCorners: boolean,
    halfPixelCenters: boolean,
  ): NativeTensor => constant(nearestIndices(from, to, alignCorners, halfPixelCenters), [to], 'int32');

  return {
    ResizeBilinear: kernel<'images', tf.ResizeBilinearAttrs>(({ images }, attrs) => {
      const shape = images.shape as Shape;
      const size = attrs.size;
      if (isTorchs(attrs)) {
        const resized = bilinear(permute(asFloat(images), [0, 3, 1, 2]), size, attrs.alignCorners);
        const map = permute(heldAs(images, resized), [0, 2, 3, 1]);
        return output(map, 'float32', [shape[0], ...size, shape[3]]);
      }
      const rows = matrix(shape[1], size[0], false);
      const columns = matrix(shape[2], size[1], false);
      return output(alongAxes(asFloat(images), shape, rows, columns, size), 'float32');
    }),

    ResizeBilinearGrad: kernel<'images' | 'dy', tf.ResizeBilinearGradAttrs>(({ images, dy }, attrs) => {
      const [batch, height, width, channels] = images.shape as Shape;
      const [, dyHeight, dyWidth] = dy.shape as Shape;
      if (isTorchs(attrs)) {
        const dx = bilinearBackward(
          permute(input(dy), [0, 3, 1, 2]),
          [dyHeight, dyWidth],
          [batch, channels, height, width],
          attrs.alignCorners,
        );
        return output(permute(heldAs(dy, dx), [0, 2, 3, 1]), 'float32', images.shape);
      }
      const rows = matrix(height, dyHeight, true);
      const columns = matrix(width, dyWidth, true);
      return output(alongAxes(input(dy), dy.shape as Shape, rows, columns, [height, width]), 'float32');
    }),

    ResizeNearestNeighbor: kernel<'images', tf.ResizeNearestNeighborAttrs>(
      ({ images }, { size, alignCorners, halfPixelCenters }) => {
        const [, height, width] = images.shape as Shape;
        const rows = select(input(images), 1, nearest(height, size[0], alignCorners, halfPixelCenters));
        return output(select(rows, 2, nearest(width, size[1], alignCorners, halfPixelCenters)), images.dtype);
      },
    ),

    ResizeNearestNeighborGrad: kernel<'images' | 'dy', tf.ResizeNearestNeighborGradAttrs>(
      ({ images, dy }, attrs) => {
        // The attributes are those of the forward kernel.
        const { alignCorners, halfPixelCenters } = attrs;
        const [batch, height, width, channels] = images.shape as Shape;
        const [, dyHeight, dyWidth] = dy.shape as Shape;
        const zeros = (...shape: number[]): NativeTensor => full(shape, 0, 'float32', null, device);
        const columns = addAt(
          zeros(batch, dyHeight, width, channels),
          2,
          nearest(width, dyWidth, alignCorners, halfPixelCenters),
          input(dy),
        );
        const dx = addAt(
          zeros(batch, height, width, channels),
          1,
          nearest(height, dyHeight, alignCorners, halfPixelCenters),
          columns,
        );
        return output(dx, 'float32', images.shape);
      },
    ),
  };
}

type Shape = [number, number, number, number];
type Size = readonly [number, number];

/** Libtorch aligns corners or takes half-pixel centres; TensorFlow's first convention, neither, it does not have. */
const isTorchs = (attrs: { readonly alignCorners: boolean }): boolean =>
  attrs.alignCorners || (attrs as tf.ResizeBilinearAttrs).halfPixelCenters;

/** [to, from]: output i lies at i · from / to and blends its two neighbours. */
function interpolationMatrix(from: number, to: number): Float32Array {
  const matrix = new Float32Array(to * from);
  for (let i = 0; i < to; i++) {
    const source = (i * from) / to;
    const below = Math.floor(source);
    const above = Math.min(from - 1, Math.ceil(source));
    matrix[i * from + below]! += 1 - (source - below);
    matrix[i * from + above]! += source - below;
  }
  return matrix;
}

function transpose(matrix: Float32Array, rows: number, columns: number): Float32Array {
  return Float32Array.from(
    { length: matrix.length },
    (_, i) => matrix[(i % rows) * columns + Math.floor(i / rows)]!,
  );
}

function nearestIndices(
  from: number,
  to: number,
  alignCorners: boolean,
  halfPixelCenters: boolean,
): Int32Array {
  const ratio = alignCorners && to > 1 ? (from - 1) / (to - 1) : from / to;
  return Int32Array.from({ length: to }, (_, i) => {
    const source = ratio * (halfPixelCenters ? i + 0.5 : i);
    return Math.min(from - 1, alignCorners ? Math.round(source) : Math.floor(source));
  });
}
