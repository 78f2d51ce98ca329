import tf = require('@tensorflow/tfjs');
import type { NativeTensor } from '../native.js';
import { kernel, sizeOf, type KernelContext, type KernelTable } from './kernel.js';

/** Gathering and scattering by index. */
export function indexingKernels(backend: KernelContext): KernelTable {
  const { op, input, output, constant, native: bridge, device, upload } = backend;
  const select = op('aten::index_select');
  const gather = op('aten::gather');
  const addAt = op('aten::index_add_');
  const copyAt = op('aten::index_copy_');
  const reshape = op('aten::reshape');
  const expand = op('aten::expand');
  const cast = op('aten::to', 'dtype');
  const multiply = op('aten::mul', 'Tensor');
  const sum = op('aten::sum', 'dim_IntList');
  const full = op('aten::full');
  const clone = op('aten::clone');
  const amin = op('aten::amin');
  const amax = op('aten::amax');
  const where = op('aten::where', 'self');
  const equal = op('aten::eq', 'Tensor');
  const arange = op('aten::arange');
  const unsqueeze = op('aten::unsqueeze');
  const outside = {
    below: op('aten::lt', 'Scalar'),
    above: op('aten::ge', 'Scalar'),
    or: op('aten::logical_or'),
  };
  const fill = op('aten::masked_fill', 'Scalar');
  const narrow = op('aten::narrow');
  const searchSorted = op('aten::searchsorted', 'Tensor');
  const contiguous = op('aten::contiguous');

  const filled = (shape: readonly number[], value: number, dtype: tf.DataType): NativeTensor =>
    full(shape, value, dtype, null, device);

  /** Checked here: on a CUDA device an index out of range would end the process, not raise an error. */
  const checkRange = (kernelName: string, indices: NativeTensor, size: number): void => {
    const [least] = bridge.read(amin(indices, [])) as Int32Array;
    const [most] = bridge.read(amax(indices, [])) as Int32Array;
    for (const index of [least!, most!]) {
      if (index < 0 || index >= size) {
        throw new Error(`${kernelName}: the index value ${index} is not in [0, ${size - 1}]`);
      }
    }
  };

  /** Rows [.., rank] of coordinates as positions in an axis of `size` slices. */
  const positions = (
    indices: tf.TensorInfo,
    rank: number,
    count: number,
    strides: readonly number[],
    size: number,
  ): NativeTensor => {
    const coordinates = input({ ...indices, shape: [count, rank] });
    const integers = indices.dtype === 'int32' ? coordinates : cast(coordinates, 'int32');
    const flat = sum(
      multiply(integers, constant(Int32Array.from(strides), [rank], 'int32')),
      [1],
      false,
      'int32',
    );
    checkRange('Invalid indices', flat, size);
    return flat;
  };

  /** Writes slices into a copy of `target` [size, sliceSize]. */
  const scattered = (
    target: NativeTensor,
    indices: tf.TensorInfo,
    updates: tf.TensorInfo,
    shape: number[],
    write: typeof addAt,
  ): tf.TensorInfo => {
    const { sliceRank, numUpdates, sliceSize, strides, outputSize } = tf.backend_util.calculateShapes(
      updates,
      indices,
      shape,
    );
    if (outputSize === 0) return upload([], shape, updates.dtype);
    const size = outputSize / sliceSize;
    const slices = reshape(target, [size, sliceSize]);
    if (numUpdates > 0) {
      const at = positions(indices, sliceRank, numUpdates, strides, size);
      // A single value may stand for all updates.
      const values = expand(
        input(
          sizeOf(updates.shape) === 1
            ? { ...updates, shape: [1, 1] }
            : { ...updates, shape: [numUpdates, sliceSize] },
        ),
        [numUpdates, sliceSize],
      );
      write(slices, 0, write === copyAt ? cast(at, 'int64') : at, values);
    }
    return output(reshape(slices, shape), updates.dtype, shape);
  };

  return {
    GatherV2: kernel<'x' | 'indices', tf.GatherV2Attrs>(({ x, indices }, { axis, batchDims }) => {
      const along = tf.util.parseAxisParam(axis, x.shape)[0]!;
      const info = tf.backend_util.segment_util.collectGatherOpShapeInfo(x, indices, along, batchDims ?? 0);
      const { batchSize, outerSize, dimSize, sliceSize, outputShape } = info;
      const count = sizeOf(indices.shape);
      if (sizeOf(outputShape) === 0) return upload([], outputShape, x.dtype);
      const flat = reshape(input(indices), [count]);
      const index = indices.dtype === 'int32' ? flat : cast(flat, 'int32');
      checkRange('GatherV2', index, dimSize);
      if (batchSize === 1) {
        const gathered = select(input({ ...x, shape: [outerSize, dimSize, sliceSize] }), 1, index);
        return output(reshape(gathered, outputShape), x.dtype, outputShape);
      }
      const perBatch = count / batchSize;
      const source = input({ ...x, shape: [batchSize, outerSize, dimSize, sliceSize] });
      const wide = expand(reshape(cast(index, 'int64'), [batchSize, 1, perBatch, 1]), [
        batchSize,
        outerSize,
        perBatch,
        sliceSize,
      ]);
      return output(reshape(gather(source, 2, wide), outputShape), x.dtype, outputShape);
    }),

    GatherNd: kernel<'params' | 'indices'>(({ params, indices }) => {
      const [shape, count, sliceSize, strides] = tf.backend_util.prepareAndValidate(params, indices);
      if (count === 0) return upload([], shape, params.dtype);
      const size = sizeOf(params.shape) / sliceSize;
      const rank = indices.shape[indices.shape.length - 1]!;
      const at = positions(indices, rank, count, strides, size);
      return output(
        reshape(select(input({ ...params, shape: [size, sliceSize] }), 0, at), shape),
        params.dtype,
        shape,
      );
    }),

    ScatterNd: kernel<'indices' | 'updates', tf.ScatterNdAttrs>(({ indices, updates }, { shape }) =>
      scattered(filled(shape, 0, updates.dtype), indices, updates, shape, addAt),
    ),

    TensorScatterUpdate: kernel<'tensor' | 'indices' | 'updates'>(({ tensor, indices, updates }) =>
      scattered(clone(input(tensor), 'contiguous'), indices, updates, tensor.shape, copyAt),
    ),

    SparseToDense: kernel<'sparseIndices' | 'sparseValues' | 'defaultValue', tf.SparseToDenseAttrs>(
      ({ sparseIndices, sparseValues, defaultValue }, { outputShape }) => {
        const background = cast(input({ ...defaultValue, shape: [] }), sparseValues.dtype);
        const dense = clone(expand(background, outputShape), 'contiguous');
        return scattered(dense, sparseIndices, sparseValues, outputShape, copyAt);
      },
    ),

    // Ids outside of the segments are left out: they go to a row of their own, which is cut off.
    UnsortedSegmentSum: kernel<'x' | 'segmentIds', tf.UnsortedSegmentSumAttrs>(
      ({ x, segmentIds }, { numSegments }) => {
        const ids = input(segmentIds);
        const stray = outside.or(outside.below(ids, 0), outside.above(ids, numSegments));
        const rows = fill(ids, stray, numSegments);
        const shape = [numSegments, ...x.shape.slice(1)];
        const sums = addAt(filled([numSegments + 1, ...x.shape.slice(1)], 0, x.dtype), 0, rows, input(x));
        return output(narrow(sums, 0, 0, numSegments), x.dtype, shape);
      },
    ),

    OneHot: kernel<'indices', tf.OneHotAttrs>(({ indices }, { depth, onValue, offValue, dtype }) => {
      const hot = equal(unsqueeze(input(indices), -1), arange(depth, 'int32', null, device));
      const type = dtype ?? 'int32';
      return output(where(hot, filled([], onValue, type), filled([], offValue, type)), type);
    }),

    SearchSorted: kernel<'sortedSequence' | 'values', tf.SearchSortedAttrs>(
      ({ sortedSequence, values }, { side }) =>
        output(
          searchSorted(contiguous(input(sortedSequence)), contiguous(input(values)), true, side === 'right'),
          'int32',
        ),
    ),
  };
}
