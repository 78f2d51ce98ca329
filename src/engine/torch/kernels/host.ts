import { hostKernel } from '../../host-kernel.js';
import type { KernelContext, KernelTable } from './kernel.js';

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
