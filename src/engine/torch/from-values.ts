import type tf = require('@tensorflow/tfjs');
import type { Device, Native, NativeTensor, Operator } from './native.js';

/** Where values are put, and how pairs become complex numbers. */
export interface ValueTarget {
  readonly native: Native;
  readonly device: Device;
  readonly asComplex: Operator;
}

/**
 * Values as TensorFlow.js keeps them in JavaScript, as a libtorch tensor that is the caller's to dispose.
 *
 * @param values complex numbers as pairs
 */
export function fromValues(
  target: ValueTarget,
  values: ArrayLike<number>,
  shape: readonly number[],
  dtype: tf.DataType,
): NativeTensor {
  const { native, device, asComplex } = target;
  switch (dtype) {
    case 'int32': {
      const numbers = values instanceof Int32Array ? values : Int32Array.from(values);
      return native.fromTypedArray(numbers, shape, dtype, device);
    }
    case 'bool': {
      const bytes = values instanceof Uint8Array ? values : Uint8Array.from(values);
      return native.fromTypedArray(bytes, shape, dtype, device);
    }
    case 'complex64': {
      const pairs = fromValues(target, values, [...shape, 2], 'float32');
      try {
        return asComplex(pairs);
      } finally {
        pairs.dispose();
      }
    }
    case 'float32':
    case 'string': {
      const numbers = values instanceof Float32Array ? values : Float32Array.from(values);
      return native.fromTypedArray(numbers, shape, 'float32', device);
    }
  }
}
