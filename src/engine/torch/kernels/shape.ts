import tf = require('@tensorflow/tfjs');
import { sum } from '../../../core/stats.js';
import type { NativeTensor } from '../native.js';
import { kernel, listKernel, sizeOf, type KernelContext, type KernelTable } from './kernel.js';

/** Reshaping, transposing, joining, repeating, padding and flipping. */
export function shapeKernels(backend: KernelContext): KernelTable {
  const { op, asHeld: input, output, share, constant } = backend;
  const permute = op('aten::permute');
  const reshape = op('aten::reshape');
  const cat = op('aten::cat');
  const stack = op('aten::stack');
  const repeat = op('aten::repeat');
  const pad = op('aten::constant_pad_nd');
  const flip = op('aten::flip');
  const narrow = op('aten::narrow');
  const clone = op('aten::clone');
  const select = op('aten::index_select');
  const diagonal = op('aten::diag');

  /** `constant_pad_nd` lists the last axis first. */
  const padding = (paddings: readonly (readonly number[])[]): number[] => [...paddings].reverse().flat();

  const spaceToBatch = (
    x: NativeTensor,
    shape: readonly number[],
    blockShape: readonly number[],
  ): NativeTensor => {
    const block = sizeOf(blockShape);
    const { getReshaped, getPermuted, getReshapedPermuted } = tf.backend_util;
    const split = getReshaped([...shape], [...blockShape], block, false);
    const order = getPermuted(split.length, blockShape.length, false);
    return reshape(
      permute(reshape(x, split), order),
      getReshapedPermuted([...shape], [...blockShape], block, false),
    );
  };

  return {
    Reshape: kernel<'x', tf.ReshapeAttrs>(({ x }, { shape }) => {
      const wanted = tf.util.inferFromImplicitShape(shape, sizeOf(x.shape));
      tf.util.assert(
        sizeOf(wanted) === sizeOf(x.shape),
        () => `A tensor of shape [${x.shape.join()}] cannot be reshaped to [${wanted.join()}]: another size`,
      );
      return share(x, wanted);
    }),

    ExpandDims: kernel<'input', tf.ExpandDimsAttrs>(({ input: x }, { dim }) => {
      const rank = x.shape.length;
      tf.util.assert(
        dim >= -(rank + 1) && dim <= rank,
        () => `Axis must be in the interval [${-(rank + 1)}, ${rank}], got ${dim}`,
      );
      const axis = dim < 0 ? rank + dim + 1 : dim;
      return share(x, [...x.shape.slice(0, axis), 1, ...x.shape.slice(axis)]);
    }),

    Transpose: kernel<'x', tf.TransposeAttrs>(({ x }, { perm }) =>
      output(
        permute(input(x), perm),
        x.dtype,
        perm.map((axis) => x.shape[axis]!),
      ),
    ),

    Concat: listKernel<tf.ConcatAttrs>((inputs, { axis }) => {
      const along = tf.util.parseAxisParam(axis, inputs[0]!.shape)[0]!;
      const shapes = inputs.map((x) => x.shape);
      tf.backend_util.assertParamsConsistent(shapes, along);
      const shape = tf.backend_util.computeOutShape(shapes, along);
      const [first, ...rest] = inputs.filter((x) => sizeOf(x.shape) > 0);
      if (first === undefined) return share(inputs[0]!, shape);
      return rest.length === 0
        ? share(first)
        : output(cat([first, ...rest].map(input), along), first.dtype, shape);
    }),

    Pack: listKernel<tf.PackAttrs>((inputs, { axis }) => {
      const [first, ...rest] = inputs;
      for (const x of rest) {
        tf.util.assertShapesMatch(
          first!.shape,
          x.shape,
          'All tensors passed to stack must have matching shapes',
        );
        tf.util.assert(
          first!.dtype === x.dtype,
          () => 'All tensors passed to stack must have matching dtypes',
        );
      }
      return output(stack(inputs.map(input), axis), first!.dtype);
    }),

    Tile: kernel<'x', tf.TileAttrs>(({ x }, { reps }) => output(repeat(input(x), reps), x.dtype)),

    PadV2: kernel<'x', tf.PadV2Attrs>(({ x }, { paddings, constantValue }) =>
      output(pad(input(x), padding(paddings), constantValue), x.dtype),
    ),

    MirrorPad: kernel<'x', tf.MirrorPadAttrs>(({ x }, { paddings, mode }) => {
      const native = paddings.reduce((y, [before, after], axis) => {
        if (before + after === 0) return y;
        const indices = mirrored(x.shape[axis]!, before, after, mode === 'reflect' ? 0 : 1);
        return select(y, axis, constant(indices, [indices.length], 'int32'));
      }, input(x));
      return native === input(x) ? share(x) : output(native, x.dtype);
    }),

    Reverse: kernel<'x', tf.ReverseAttrs>(({ x }, { dims }) =>
      output(flip(input(x), tf.util.parseAxisParam(dims, x.shape)), x.dtype, x.shape),
    ),

    FlipLeftRight: kernel<'image'>(({ image }) => output(flip(input(image), [2]), image.dtype, image.shape)),

    Diag: kernel<'x'>(({ x }) =>
      output(reshape(diagonal(reshape(input(x), [-1])), [...x.shape, ...x.shape]), x.dtype),
    ),

    SpaceToBatchND: kernel<'x', tf.SpaceToBatchNDAttrs>(({ x }, { blockShape, paddings }) => {
      const all = [[0, 0], ...paddings, ...x.shape.slice(1 + blockShape.length).map(() => [0, 0])];
      const shape = x.shape.map((size, axis) => size + sum(all[axis]!));
      return output(clone(spaceToBatch(pad(input(x), padding(all)), shape, blockShape)), x.dtype);
    }),

    BatchToSpaceND: kernel<'x', tf.BatchToSpaceNDAttrs>(({ x }, { blockShape, crops }) => {
      const block = sizeOf(blockShape);
      const { getReshaped, getPermuted, getReshapedPermuted } = tf.backend_util;
      const split = getReshaped(x.shape, blockShape, block);
      const shape = getReshapedPermuted(x.shape, blockShape, block);
      const joined = reshape(
        permute(reshape(input(x), split), getPermuted(split.length, blockShape.length)),
        shape,
      );
      const cropped = crops.reduce(
        (y, [before, after], i) => narrow(y, i + 1, before, shape[i + 1]! - before! - after!),
        joined,
      );
      return output(clone(cropped), x.dtype);
    }),

    DepthToSpace: kernel<'x', tf.DepthToSpaceAttrs>(({ x }, { blockSize, dataFormat }) => {
      tf.util.assert(dataFormat === 'NHWC', () => `depthToSpace: only NHWC is supported, not ${dataFormat}`);
      const [batch, height, width, channels] = x.shape as [number, number, number, number];
      const depth = channels / (blockSize * blockSize);
      const split = reshape(input(x), [batch, height, width, blockSize, blockSize, depth]);
      return output(
        clone(
          reshape(permute(split, [0, 1, 3, 2, 4, 5]), [batch, height * blockSize, width * blockSize, depth]),
        ),
        x.dtype,
      );
    }),
  };
}

/** Indices into an axis that continue it as a mirror would; `edge` 1 repeats the edge itself. */
function mirrored(size: number, before: number, after: number, edge: 0 | 1): Int32Array {
  return Int32Array.from({ length: before + size + after }, (_, i) => {
    const index = i - before;
    if (index < 0) return -index - edge;
    return index < size ? index : 2 * (size - 1) - index + edge;
  });
}
