import * as tf from '@tensorflow/tfjs';
import type { FusedOps } from './fused/all.js';
import { fused, registerFusedOps } from './fused/registry.js';

/** What is watched of TensorFlow.js's engine, which has no public way to. */
interface Kernels {
  runKernel(name: string, inputs: tf.NamedTensorMap, attributes?: Record<string, unknown>): tf.Tensor;
}

/**
 * Runs f, which is told at any time how many multiply-adds there have been: those of convolutions forward, and of all
 * matrix products.
 */
export function countingMultiplyAdds<T>(f: (count: () => number) => T): T {
  let total = 0;
  const engine = tf.engine() as unknown as Kernels;
  const own = fused();
  const backend = tf.getBackend();
  const runKernel = engine.runKernel.bind(engine);
  engine.runKernel = (name, inputs, attributes) => {
    const result = runKernel(name, inputs, attributes);
    if (name === 'BatchMatMul' || name === '_FusedMatMul') {
      total += result.size * inputs['a']!.shape.at(attributes?.['transposeA'] === true ? -2 : -1)!;
    }
    return result;
  };
  const counted = (y: tf.Tensor4D, [height, width, channels]: readonly number[]): tf.Tensor4D => {
    total += y.size * height! * width! * channels!;
    return y;
  };
  const ops: FusedOps = {
    ...own,
    conv: (x, convolution, mode) => counted(own.conv(x, convolution, mode), convolution.filter.shape),
    convBatchNorm: (x, convolution, ...rest) =>
      counted(own.convBatchNorm(x, convolution, ...rest), convolution.filter.shape),
  };
  registerFusedOps(backend, ops);
  try {
    return f(() => total);
  } finally {
    registerFusedOps(backend, own);
    Reflect.deleteProperty(engine, 'runKernel');
  }
}
