import { afterEach, describe } from 'vitest';
import { nativeStatus } from '../../../src/engine/torch/load-native.js';
import type { Native, NativeArgument, NativeTensor } from '../../../src/engine/torch/native.js';

const status = nativeStatus();

export interface NativeTools {
  readonly native: Native;
  /** Disposes the tensor after the test. */
  readonly keep: (tensor: NativeTensor) => NativeTensor;
  readonly floats: (values: readonly number[], shape?: readonly number[]) => NativeTensor;
  /** The one result of an operator, disposed after the test. */
  readonly call: (name: string, overload: string | undefined, ...args: NativeArgument[]) => NativeTensor;
  readonly values: (tensor: NativeTensor) => number[];
}

/** Tests of the bridge to libtorch. Where it was not built they are skipped, and the title says why. */
export function describeNative(title: string, tests: (tools: NativeTools) => void): void {
  if (!status.available) {
    describe.skip(`${title} (skipped: ${status.reason})`, () => {
      tests({} as NativeTools);
    });
    return;
  }
  const { native } = status;
  const alive: NativeTensor[] = [];
  const keep = (tensor: NativeTensor): NativeTensor => {
    alive.push(tensor);
    return tensor;
  };
  describe(title, () => {
    afterEach(() => {
      for (const tensor of alive.splice(0)) tensor.dispose();
    });
    tests({
      native,
      keep,
      floats: (values, shape = [values.length]) =>
        keep(native.fromTypedArray(Float32Array.from(values), shape, 'float32', 'cpu')),
      call: (name, overload, ...args) => keep(native.op(name, overload)(...args) as NativeTensor),
      values: (tensor) => Array.from(native.read(tensor)),
    });
  });
}
