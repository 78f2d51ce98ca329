/** The types of the native bridge to libtorch (native/). */

/** What the engine runs on. */
export type Device = 'cpu' | 'cuda';

/**
 * A handle on a libtorch tensor. Memory is freed when the last handle on it, or on a view of it, was disposed or is
 * garbage; do not wait for the garbage collector, which knows nothing of its size. Every result is a handle of its
 * own, also where an operator returned its argument (in place, or a `contiguous` that had nothing to do).
 */
export interface NativeTensor {
  readonly shape: number[];
  /** `float32`, `int32`, `int64`, `bool`, `uint8`, … */
  readonly dtype: string;
  readonly device: string;
  /** The memory that it lies in, all of it; views share theirs. */
  readonly storage: { readonly address: number; readonly bytes: number };
  readonly disposed: boolean;
  /** Tensors that have this one's memory, itself among them. */
  readonly users: number;
  dispose(): void;
}

/**
 * Arguments by the types of the operator's schema. A whole number is an integer where any number may stand, so that
 * integer tensors stay integers; dtypes, devices and memory formats are strings (`float32`, `cuda:0`,
 * `channels_last`); one number may stand for all of a list of fixed length.
 */
export type NativeArgument =
  NativeTensor | number | boolean | string | null | undefined | readonly NativeArgument[];

/** A tensor; null for one that the operator left undefined; an array where it returns several, nothing where none. */
export type NativeResult = NativeTensor | null | (NativeTensor | null)[] | undefined;

/**
 * A bound operator. Arguments are positional, in the schema's order, also those that Python takes by keyword only.
 * They may be left out or undefined where the schema has defaults or allows null.
 * @throws TypeError naming operator and argument where an argument is not what the schema asks for, and Error with
 *   libtorch's own words otherwise, with the code `OUT_OF_MEMORY` where that is why. Nothing else comes of a wrong
 *   call.
 */
export type NativeOperator = (...args: NativeArgument[]) => NativeResult;

/** An operator with one result. */
export type Operator = (...args: NativeArgument[]) => NativeTensor;
/** An operator with several results; those that it left undefined are null. */
export type MultiOperator = (...args: NativeArgument[]) => (NativeTensor | null)[];

/** Bytes held by the engine's allocator on one device. */
export interface AllocatorStatistics {
  readonly allocatedBytes: number;
  readonly peakAllocatedBytes: number;
  /** Taken from the system, in use or cached. */
  readonly reservedBytes: number;
  readonly peakReservedBytes: number;
}

/** All calls of one name inside the same caller, over the whole profile. */
export interface ProfiledCall {
  /** An operator, a function of `Native`, or a part of one. */
  readonly name: string;
  readonly calls: number;
  /** Of all of them, with what ran inside. */
  readonly milliseconds: number;
  /** By the CPU's allocator, whether freed again or not. */
  readonly allocatedBytes: number;
  /** The most that one of them held beyond what was there when it began. */
  readonly peakBytes: number;
  readonly inside: readonly ProfiledCall[];
}

/** How often libtorch's convolution ran on one shape, over the whole profile. */
export interface ProfiledConvolution {
  /** `[n, c, h, w]` */
  readonly input: readonly number[];
  /** `[out, in / groups, h, w]` */
  readonly filter: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly groups: number;
  /** Height and width that the input was resized from; empty where it was not. */
  readonly resizedFrom: readonly number[];
  readonly forward: number;
  readonly backwardData: number;
  readonly backwardWeights: number;
}

export interface NativeProfile {
  readonly calls: readonly ProfiledCall[];
  readonly convolutions: readonly ProfiledConvolution[];
}

/** A handle on a process group. */
export interface NativeGroup {
  readonly __group: never;
}

/**
 * Torch.distributed's c10d (native/distributed). The functions that return promises begin at once and wait on threads of their own. A promise is rejected with
 * libtorch's own words where a peer's connection breaks or the group's time-out has passed.
 */
export interface NativeDistributed {
  /** What this build can talk by: `gloo` between CPUs, `nccl` between GPUs. */
  readonly backends: readonly string[];
  /**
   * Waits until all ranks are there.
   *
   * @param host of the store where they meet
   * @param servesStore whether this process is to be the store, for as long as the group lives
   * @param prefix of this group's keys in the store
   * @param networkInterface for Gloo; empty: the one that leads to the store
   * @param name of this machine, for the others' messages
   * @param timeout of every wait, in milliseconds
   */
  join(
    host: string,
    port: number,
    servesStore: boolean,
    prefix: string,
    size: number,
    rank: number,
    backend: string,
    networkInterface: string,
    name: string,
    timeout: number,
  ): Promise<NativeGroup>;
  /** The names of the ranks' machines. */
  hosts(group: NativeGroup): readonly string[];
  /** In place; tensors of one dtype. */
  allReduce(group: NativeGroup, tensors: readonly NativeTensor[], mean: boolean): Promise<void>;
  /** The sum, in place; blocks until it is there. */
  sumNow(group: NativeGroup, tensors: readonly NativeTensor[]): void;
  /** In place; tensors of one dtype. */
  broadcast(group: NativeGroup, tensors: readonly NativeTensor[], from: number): Promise<void>;
  send(group: NativeGroup, tensor: NativeTensor, to: number, tag: number): Promise<void>;
  recv(
    group: NativeGroup,
    shape: readonly number[],
    dtype: string,
    device: string,
    from: number,
    tag: number,
  ): Promise<NativeTensor>;
  /** Leaves a word in the store. Waits as long as the store does not answer, without keeping the process. */
  note(group: NativeGroup, key: string, value: string): Promise<void>;
  /**
   * Words in the store, empty where there are none: those of `note`, and `beat/RANK`, which each rank writes four times a
   * second: a count of its beats, a space, and how many collective calls it has begun.
   */
  look(group: NativeGroup, keys: readonly string[]): Promise<readonly string[]>;
  /** Ends what is under way, here and at the peers; the store is still there. */
  abort(group: NativeGroup): void;
  /** The same, and frees the group; once is enough. */
  close(group: NativeGroup): Promise<void> | undefined;
}

/** A handle on a capture under way. */
export interface NativeCapturing {
  readonly __capturing: never;
}

/** A handle on a captured step. */
export interface NativeStep {
  readonly __step: never;
}

/** A tensor that a captured segment reads, of those that were handed in. */
export interface SegmentInput {
  readonly of: 'given' | 'kept' | 'variables';
  /** Its place in that list. */
  readonly place: number;
}

/**
 * Captures steps, what JavaScript has libtorch do in them, and makes them again without JavaScript (native/capture). A step
 * has segments, each captured between `open` and `close`; in between, nothing is.
 */
export interface NativeCapture {
  begin(): NativeCapturing;
  /**
   * A segment begins.
   *
   * @param given tensors that it may dispose
   * @param kept tensors that it reads, others each time
   * @param variables tensors that stay; null for one that is not libtorch's
   * @param arrays whose bytes are others each time; what else goes to the device is the same each time
   */
  open(
    capture: NativeCapturing,
    given: readonly NativeTensor[],
    kept: readonly NativeTensor[],
    variables: readonly (NativeTensor | null)[],
    arrays: readonly (Float32Array | Uint8Array)[],
  ): void;
  /** It ends. @param outputs made in it, each once, that stay */
  close(capture: NativeCapturing, outputs: readonly NativeTensor[]): void;
  /**
   * The capture is over.
   *
   * @param livesOn whether what segments have handed out may be left; what else they have made may not
   * @returns the step, or why it cannot be made again
   */
  end(capture: NativeCapturing, livesOn: boolean): NativeStep | string;
  /** Whether two steps do the same, to every number. */
  same(a: NativeStep, b: NativeStep): boolean;
  /** What each segment reads of what was handed in. */
  uses(step: NativeStep): readonly (readonly SegmentInput[])[];
  /** Whether tensors, by a segment's uses, have the shapes, layouts and dtypes of those captured; null: not looked at. */
  fits(step: NativeStep, segment: number, tensors: readonly (NativeTensor | null)[]): boolean;
  /**
   * Makes the next segment again; the first one begins the step anew.
   *
   * @param tensors by the segment's uses; those given are disposed where they were in the captured one
   * @returns its outputs
   * @throws TypeError where they do not fit, and as the operators in it; nothing is left then of what the step has made
   */
  play(
    step: NativeStep,
    segment: number,
    tensors: readonly NativeTensor[],
    arrays: readonly (Float32Array | Uint8Array)[],
  ): readonly NativeTensor[];
  /** Frees what segments have made for later ones that do not come. */
  abandon(step: NativeStep): void;
}

export interface Native {
  /**
   * Binds an operator of libtorch's dispatcher, e.g. `op('aten::add', 'Tensor')`: one of `operators`.
   * @throws TypeError for any other. What an operator does with wrong arguments is known of these alone.
   */
  op(name: string, overload?: string): NativeOperator;
  /** Those that the engine names (native/bridge/offered.h); all were looked up in this libtorch when the bridge loaded. */
  readonly operators: readonly string[];
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
  /** Begins to time every call, and the operators inside it. @throws Error while a profile is being taken. */
  startProfile(): void;
  /** Ends what `startProfile` began. @throws Error without it. */
  stopProfile(): NativeProfile;
  /**
   * Multiplies and adds in registers alone, `times` turns on each thread: the processor's peak.
   *
   * @param times 1 to 1e9
   * @returns floating-point operations that were done, two a lane; 0 where no kernels of ours serve this processor
   */
  multiplyAdds(times: number): number;
  readonly threads: number;
  setThreads(count: number): void;
  /**
   * Whether convolutions on a GPU may round their operands to TF32 (10 bits of mantissa), as PyTorch lets them by default
   * too. Matrix products never do.
   */
  allowTf32(allowed: boolean): void;
  /** Whether cuDNN must take algorithms that give the same bits each time; libtorch's default is that it need not. */
  setDeterministic(deterministic: boolean): void;
  readonly version: string;
  readonly capture: NativeCapture;
  /** Null in a bridge that was built with a libtorch without torch.distributed. */
  readonly distributed: NativeDistributed | null;
  /** Devices that tensors can live on: `cpu`, then `cuda:0`, … */
  readonly devices: readonly { readonly id: string; readonly name: string }[];
}
