/** The types of the native bridge to libtorch (native/), and loading it. */

/** A libtorch tensor. Its memory is freed by `dispose`, or when the object is garbage. */
export interface NativeTensor {
  readonly shape: number[];
  /** `float32`, `int32`, `int64`, `bool`, `uint8`, … */
  readonly dtype: string;
  readonly device: string;
  readonly disposed: boolean;
  dispose(): void;
}

export type NativeArgument =
  NativeTensor | number | boolean | string | null | undefined | readonly NativeArgument[];

/** Tensors, numbers, booleans, null (an undefined tensor), and arrays of these where an operator returns several. */
export type NativeResult = NativeTensor | number | boolean | string | null | NativeResult[];

/** A bound operator. Trailing arguments may be left out where the operator's schema has defaults. */
export type NativeOperator = (...args: NativeArgument[]) => NativeResult;

/** Bytes held by the engine's allocator on one device. */
export interface AllocatorStatistics {
  readonly allocatedBytes: number;
  readonly peakAllocatedBytes: number;
  /** Taken from the system, in use or cached. */
  readonly reservedBytes: number;
  readonly peakReservedBytes: number;
}

export interface Native {
  /** Binds an operator of libtorch's dispatcher, e.g. `op('aten::add', 'Tensor')`. Throws if there is none. */
  op(name: string, overload?: string): NativeOperator;
  /** Copies the values into a new tensor on the device (`cpu`, `cuda`, `cuda:1`). */
  fromTypedArray(
    values: Float32Array | Int32Array | Uint8Array,
    shape: readonly number[],
    dtype: 'float32' | 'int32' | 'bool' | 'uint8',
    device: string,
  ): NativeTensor;
  /** A copy of the values, row-major: float32 → Float32Array, int32 → Int32Array, bool and uint8 → Uint8Array. */
  read(tensor: NativeTensor): Float32Array | Int32Array | Uint8Array;
  memory(device: string): AllocatorStatistics;
  /** Sets both peaks to the current values. */
  resetPeakMemory(device: string): void;
  /** Gives cached, unused memory back to the system. */
  releaseCachedMemory(device: string): void;
  readonly threads: number;
  setThreads(count: number): void;
  readonly version: string;
  /** Devices that tensors can live on: `cpu`, then `cuda:0`, … */
  readonly devices: readonly { readonly id: string; readonly name: string }[];
}
