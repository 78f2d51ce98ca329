import * as tf from '@tensorflow/tfjs';
import type { Kernel, KernelContext, KernelTable } from './kernel.js';

/**
 * Kernels that are a walk over values rather than tensor arithmetic, and that training does not use. They run as
 * TensorFlow.js's own `cpu` backend defines them, on values copied to the host and back.
 */
const names = [
  'Bincount',
  'BroadcastArgs',
  'CropAndResize',
  'DenseBincount',
  'Dilation2D',
  'Dilation2DBackpropFilter',
  'Dilation2DBackpropInput',
  'MaxPoolWithArgmax',
  'Multinomial',
  'NonMaxSuppressionV3',
  'NonMaxSuppressionV4',
  'NonMaxSuppressionV5',
  'RaggedGather',
  'RaggedRange',
  'RaggedTensorToTensor',
  'RotateWithOffset',
  'SparseFillEmptyRows',
  'SparseReshape',
  'SparseSegmentMean',
  'SparseSegmentSum',
  'StaticRegexReplace',
  'StringNGrams',
  'StringSplit',
  'StringToHashBucketFast',
  'Transform',
  'Unique',
] as const;

export function hostKernels(backend: KernelContext): KernelTable {
  return Object.fromEntries(names.map((name) => [name, hostKernel(backend, name)]));
}

/** A kernel on the host. Strings, which libtorch does not have, can be among its inputs and outputs. */
export function hostKernel(backend: KernelContext, name: string): Kernel {
  return (inputs, attrs) => {
    const cpu = tf.findBackend('cpu');
    const config = tf.getKernel(name, 'cpu');
    const held: tf.DataId[] = [];
    const toHost = (info: tf.TensorInfo): tf.TensorInfo => {
      const dataId = cpu.write(backend.readSync(info.dataId), info.shape, info.dtype);
      held.push(dataId);
      // Some of these kernels ask for the rank, which only tensors have.
      return { dataId, shape: info.shape, dtype: info.dtype, rank: info.shape.length } as tf.TensorInfo;
    };
    const fromHost = (info: tf.TensorInfo): tf.TensorInfo => {
      held.push(info.dataId);
      return backend.upload(cpu.readSync(info.dataId), info.shape, info.dtype);
    };
    const entries = Object.entries(inputs).map(([key, value]): [string, unknown] => {
      const held = value as tf.TensorInfo | tf.TensorInfo[] | undefined | null;
      if (Array.isArray(held)) return [key, held.map(toHost)];
      return [key, held ? toHost(held) : held];
    });
    const onHost = Array.isArray(inputs) ? entries.map(([, value]) => value) : Object.fromEntries(entries);
    try {
      const results = config.kernelFunc({
        inputs: onHost as tf.NamedTensorInfoMap,
        attrs: attrs as tf.NamedAttrMap,
        backend: cpu,
      });
      return Array.isArray(results) ? results.map(fromHost) : fromHost(results);
    } finally {
      for (const dataId of held) cpu.disposeData(dataId);
    }
  };
}
