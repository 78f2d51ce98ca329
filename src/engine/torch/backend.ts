import tf = require('@tensorflow/tfjs');
import { tfDtype } from './dtype.js';
import { freeViews, sameShape, viewOf, type Entry } from './entry.js';
import { fromValues, type ValueTarget } from './from-values.js';
import type { KernelContext } from './kernels/kernel.js';
import type { Device, MultiOperator, Native, NativeTensor, Operator } from './native.js';

/**
 * TensorFlow.js on libtorch's kernels. A tensor is an at::Tensor of the same logical shape and of any strides.
 *
 * Libtorch tensors are freed when they are disposed, not when JavaScript forgets them. Inside `scope` (every kernel
 * runs in one) what the operators return is collected and freed at its end, except for what became an output.
 */
export class TorchBackend extends tf.KernelBackend implements KernelContext {
  readonly #data: tf.DataStorage<Entry>;
  #scope: NativeTensor[] | undefined;
  readonly #reshape: Operator;
  readonly #convert: Operator;
  readonly #clone: Operator;
  readonly #viewAsReal: Operator;
  readonly #values: ValueTarget;

  constructor(
    readonly native: Native,
    readonly device: Device,
  ) {
    super();
    this.#data = new tf.DataStorage<Entry>(this, tf.engine());
    this.#reshape = this.op('aten::reshape');
    this.#convert = this.op('aten::to', 'dtype');
    this.#clone = this.op('aten::clone');
    this.#viewAsReal = this.op('aten::view_as_real');
    this.#values = { native, device, asComplex: this.op('aten::view_as_complex') };
  }

  /** Binds an operator; the result belongs to the scope that is open at the call. */
  readonly op = (name: string, overload?: string): Operator => {
    const call = this.native.op(name, overload);
    return (...args) => {
      const result = call(...args) as NativeTensor;
      this.#scope?.push(result);
      return result;
    };
  };

  /** Binds an operator that returns a tuple. */
  readonly multiOp = (name: string, overload?: string): MultiOperator => {
    const call = this.native.op(name, overload);
    return (...args) => {
      const results = call(...args) as (NativeTensor | null)[];
      for (const result of results) if (result !== null) this.#scope?.push(result);
      return results;
    };
  };

  /** Runs f; libtorch tensors that operators made in it are freed at its end, except for outputs. */
  scope<T>(f: () => T): T {
    const outer = this.#scope;
    const scope: NativeTensor[] = [];
    this.#scope = scope;
    try {
      return f();
    } finally {
      this.#scope = outer;
      for (const tensor of scope) tensor.dispose();
    }
  }

  /**
   * The libtorch tensor behind a TensorFlow.js tensor, in its shape and dtype: what is held in bfloat16 as a float32 copy,
   * for which a scope must be open. It stays the backend's: never write to it, and never dispose it.
   */
  readonly input = (info: tf.TensorInfo): NativeTensor => {
    const native = this.asHeld(info);
    return this.#data.get(info.dataId).short ? this.#widened(native) : native;
  };

  #widened(native: NativeTensor): NativeTensor {
    if (this.#scope === undefined) throw new Error('Only a kernel reads bfloat16 as float32');
    return this.#convert(native, 'float32', false, false, null);
  }

  /**
   * The libtorch tensor behind a TensorFlow.js tensor, in its shape, whatever it is held in. It stays the backend's: never
   * write to it unless it belongs to a variable, and never dispose it.
   */
  readonly asHeld = (info: tf.TensorInfo): NativeTensor => {
    const entry = this.#data.get(info.dataId);
    if (entry.native === undefined) throw new Error('String tensors are not supported by this kernel');
    if (sameShape(entry.shape, info.shape)) return entry.native;
    if (this.#scope !== undefined) return this.#reshape(entry.native, info.shape);
    return viewOf(entry, info.shape, () => this.#reshape(entry.native!, info.shape));
  };

  /** Values from JavaScript as a libtorch tensor that belongs to the open scope. */
  readonly constant = (
    values: Float32Array | Int32Array | Uint8Array,
    shape: readonly number[],
    dtype: 'float32' | 'int32' | 'bool',
  ): NativeTensor => {
    const tensor = this.native.fromTypedArray(values, shape, dtype, this.device);
    this.#scope?.push(tensor);
    return tensor;
  };

  /** Hands a libtorch tensor over to the backend, which disposes it when its last TensorFlow.js tensor is. */
  readonly output = (
    native: NativeTensor,
    given?: tf.DataType,
    shape: readonly number[] = native.shape,
  ): tf.TensorInfo => {
    const held = native.dtype;
    const dtype = given ?? tfDtype(held);
    if (this.#scope !== undefined) {
      const index = this.#scope.lastIndexOf(native);
      if (index < 0) throw new Error('A kernel may only return a libtorch tensor that it made');
      this.#scope.splice(index, 1);
    }
    const dataId = {};
    const short = held === 'bfloat16';
    this.#data.set(dataId, {
      native,
      shape,
      dtype,
      short,
      strings: undefined,
      views: undefined,
      refCount: 1,
    });
    return { dataId, shape: shape as number[], dtype };
  };

  /** The same data in another shape or under another name: no copy. */
  readonly share = (info: tf.TensorInfo, shape: number[] = info.shape): tf.TensorInfo => {
    this.incRef(info.dataId);
    return { dataId: info.dataId, shape, dtype: info.dtype };
  };

  /** `output` as a tensor that the current tidy scope tracks; for ops outside of kernels. */
  wrap(native: NativeTensor): tf.Tensor {
    return tf.engine().makeTensorFromTensorInfo(this.output(native), this);
  }

  /** The libtorch tensor that holds a tensor's values, in the shape that they were computed in. It stays the backend's. */
  readonly own = ({ dataId }: tf.Tensor): NativeTensor => {
    const { native } = this.#data.get(dataId);
    if (native === undefined) throw new Error('Strings are in no libtorch tensor');
    return native;
  };

  /** Frees the views of a tensor that were asked for: they are made anew when they are next. */
  freeViews({ dataId }: tf.Tensor): void {
    freeViews(this.#data.get(dataId));
  }

  /** A variable's libtorch tensor, to be written to: one of its own, where it shared it. */
  readonly writable = (variable: tf.Variable): NativeTensor => {
    if (!this.isAlone(variable)) {
      const copy = this.wrap(this.#clone(this.asHeld(variable)));
      variable.assign(copy);
      copy.dispose();
    }
    return this.asHeld(variable);
  };

  /**
   * The libtorch tensor that holds a tensor's values, to be written to, in the shape that they were computed in.
   * @throws Error if another tensor shares them.
   */
  readonly held = (tensor: tf.Tensor): NativeTensor => {
    const { native, refCount } = this.#data.get(tensor.dataId);
    if (native === undefined || refCount !== 1) throw new Error('Only values of its own can be written to');
    return native;
  };

  /** Strings, or values from the host, as a new tensor. */
  readonly upload = (values: tf.BackendValues, shape: number[], dtype: tf.DataType): tf.TensorInfo => ({
    dataId: this.write(values, shape, dtype),
    shape,
    dtype,
  });

  /** Whether a tensor's values are held in bfloat16. */
  readonly isShort = ({ dataId }: tf.TensorInfo): boolean => this.#data.get(dataId).short;

  /** The memory behind a data id, which other tensors may share; undefined for strings. */
  storage(dataId: tf.DataId): (NativeTensor['storage'] & Pick<NativeTensor, 'dtype'>) | undefined {
    const { native } = this.#data.get(dataId);
    return native && { ...native.storage, dtype: native.dtype };
  }

  override write(values: tf.BackendValues, shape: number[], dtype: tf.DataType): tf.DataId {
    const dataId = {};
    this.move(dataId, values, shape, dtype, 1);
    return dataId;
  }

  override move(
    dataId: tf.DataId,
    values: tf.BackendValues,
    shape: number[],
    dtype: tf.DataType,
    refCount: number,
  ): void {
    const strings = dtype === 'string' ? (values as Uint8Array[]) : undefined;
    const native = strings ? undefined : fromValues(this.#values, values as ArrayLike<number>, shape, dtype);
    const held = { shape: shape.slice(), dtype, short: false };
    this.#data.set(dataId, { native, ...held, strings, views: undefined, refCount });
  }

  override readSync(dataId: tf.DataId): tf.BackendValues {
    const { native, strings, dtype, short } = this.#data.get(dataId);
    if (native === undefined) return strings!;
    if (short) return this.scope(() => this.native.read(this.#widened(native)));
    if (dtype !== 'complex64') return this.native.read(native);
    return this.scope(() => this.native.read(this.#viewAsReal(native)));
  }

  override read(dataId: tf.DataId): Promise<tf.BackendValues> {
    return new Promise((resolve) => resolve(this.readSync(dataId)));
  }

  override disposeData(dataId: tf.DataId, force = false): boolean {
    if (!this.#data.has(dataId)) return true;
    const entry = this.#data.get(dataId);
    entry.refCount--;
    if (!force && entry.refCount > 0) return false;
    entry.native?.dispose();
    freeViews(entry);
    this.#data.delete(dataId);
    return true;
  }

  override refCount(dataId: tf.DataId): number {
    return this.#data.has(dataId) ? this.#data.get(dataId).refCount : 0;
  }

  /** Whether no other tensor has its memory, under this name or, as what `tf.transpose` gives, under another. */
  readonly isAlone = (tensor: tf.Tensor): boolean => {
    const { refCount, native, views } = this.#data.get(tensor.dataId);
    return refCount === 1 && native?.users === 1 + (views?.length ?? 0);
  };

  override incRef(dataId: tf.DataId): void {
    this.#data.get(dataId).refCount++;
  }

  override numDataIds(): number {
    return this.#data.numDataIds();
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: false };
  }

  override timerAvailable(): boolean {
    return true;
  }

  override time(f: () => void): Promise<tf.BackendTimingInfo> {
    const start = performance.now();
    f();
    return Promise.resolve({ kernelMs: performance.now() - start } as tf.BackendTimingInfo);
  }

  override floatPrecision(): 16 | 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override dispose(): void {
    this.native.releaseCachedMemory(this.device);
  }
}
