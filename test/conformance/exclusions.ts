/** Tests of TensorFlow.js that an engine does not meet, and why that is right or bearable. */
export interface Exclusion {
  /** A test's full name, without the environment's, or what matches those of several. */
  readonly test: string | RegExp;
  readonly reason: string;
}

const averageOfPadding: Exclusion = {
  test: 'avgPool gradient x=[3,3,1] f=[3,3] s=1 p=explicit',
  reason:
    'expects padded zeros to count in the gradient but not in the forward pass; here neither counts them, so that the gradient is that of the forward pass',
};

const impossibleTransposed: Exclusion = {
  test: 'conv2dTranspose input=8x8x8,output=4x4x8,f=8,s=1,inDepth=8,p=same vec4',
  reason:
    'asks for an output of 4×4 from an input of 8×8 at stride 1 with same padding, which no convolution has; the engine refuses it',
};

const lastBit = 'CUDA’s exp and tan differ in the last bit from those that the test’s tolerance was made for';

const cudaExclusions: readonly Exclusion[] = [
  { test: 'exp int32', reason: lastBit },
  { test: 'tan numbers exceed float32 precision', reason: lastBit },
];

const torchExclusions: readonly Exclusion[] = [
  averageOfPadding,
  {
    test: 'maxPool [x=[3,3,1] f=[2,2] s=1 ignores NaNs',
    reason: 'libtorch keeps NaN in a maximum, as PyTorch does: a lost number must reach the loss',
  },
  {
    test: 'maxPool3d x=[1,3,3,3,1] f=[2,2,2] s=1 p=valid, ignores NaNs',
    reason: 'libtorch keeps NaN in a maximum, as PyTorch does: a lost number must reach the loss',
  },
  impossibleTransposed,
];

const noSuchType = 'TensorFlow has that operation for other types only; no network here has such tensors';

const tensorflowExclusions: readonly Exclusion[] = [
  averageOfPadding,
  impossibleTransposed,
  { test: /^fused conv2d .* NCHW/, reason: 'the package has NHWC alone, and so have the networks here' },
  { test: /^(less|greater)(Equal)? should support string comparison$/, reason: noSuchType },
  { test: 'diag bool', reason: noSuchType },
  { test: 'leakyrelu int32', reason: noSuchType },
  { test: 'round int32', reason: 'TensorFlow rounds whole numbers to zero; nothing here rounds them' },
  { test: 'step kernel with int32 tensor', reason: noSuchType },
  {
    test: /^einsum (2d matrix calculate trace|nonexistent dimension)/,
    reason: 'expects a refusal of what TensorFlow’s own operation can do',
  },
  {
    test: /^(avg|max)Pool3d .* p=[12]\b/,
    reason: 'padding in numbers is composed for maps of two dimensions; no network here has three',
  },
  {
    test: 'avgPool3d x=[1,1,1,1,1] f=[1,1,3] s=1 p=valid',
    reason: 'expects an empty tensor of a window that does not fit; TensorFlow refuses it',
  },
  {
    test: /^pool (max|avg) x=\[2,2,3\] f=\[1,1\] s=2 p=1 fractional/,
    reason: 'expects values of windows in which there is padding alone',
  },
  {
    test: /^sign (basic|does not propagate NaNs|accepts a tensor-like object)$/,
    reason: 'TensorFlow keeps NaN, as PyTorch does: a lost number must reach the loss',
  },
  { test: 'tan numbers exceed float32 precision', reason: 'TensorFlow’s tan differs in the last bit' },
];

/** By engine. */
export const exclusions: Readonly<Record<string, readonly Exclusion[]>> = {
  torch: torchExclusions,
  'torch-cuda': [...torchExclusions, ...cudaExclusions],
  tensorflow: tensorflowExclusions,
};
