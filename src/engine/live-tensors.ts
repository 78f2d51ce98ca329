import tf = require('@tensorflow/tfjs');
import type { MemoryMeter } from './engine.js';
import { fused, registerFusedOps } from './fused/registry.js';
import type { FusedOps } from './fused/all.js';
import type { TapeNode } from './tape.js';
import type { TorchBackend } from './torch/backend.js';

/** Memory that tensors share, from when the first of them was made until the last was disposed. */
export interface Store {
  /** As the meter counts it. */
  readonly bytes: number;
  /** Of the first of its tensors. */
  readonly shape: readonly number[];
  readonly dtype: string;
  /** What made it: an op, and the parameter or the op whose result it read. */
  readonly madeBy: string;
  /** What was being computed then, as the watcher calls it. */
  readonly during: string;
  /** The ops that keep it for their backward pass. */
  readonly savedBy: Set<string>;
  /** What the watcher called it, the last name it was given, and who holds it. */
  name?: string;
  holder?: string;
}

/** What was alive at the moment at which most memory was in use. */
export interface Peak {
  readonly bytes: number;
  readonly stores: readonly Store[];
  /** Beyond all tensors, when the op began that reached the peak. */
  readonly untoldBytes: number;
  /** Beyond these, while that op ran. */
  readonly workspace: { readonly op: string; readonly during: string; readonly bytes: number };
}

/** Watches all tensors that are made and disposed. */
export interface TensorWatch {
  /** What is computed from now on, for `Store.during`. */
  during(what: string): void;
  /** Calls a tensor's memory so, and says who holds it; ops that read a variable are told apart by its name. */
  name(tensor: tf.Tensor, name: string, holder: string): void;
  /** Begins to look for the peak. */
  reset(): void;
  /** The most since then. */
  peak(): Peak;
}

/** What is watched of TensorFlow.js's engine, which has no public way to. */
interface Engine {
  trackTensor(tensor: tf.Tensor, backend: unknown): void;
  disposeTensor(tensor: tf.Tensor): void;
  runKernel(name: string, inputs: tf.NamedTensorMap, attributes?: unknown): unknown;
  addTapeNode(...args: unknown[]): void;
}

interface WatchedStore extends Store {
  readonly from: number;
  until: number;
  tensors: number;
}

/**
 * Runs f while all tensors are watched; slow, and nothing of it stays behind. Those that were there before are known
 * where they are variables.
 *
 * @param meter tells when memory is at its most
 * @param f what to run, synchronously
 */
export function watchTensors<T>(meter: MemoryMeter, f: (watch: TensorWatch) => T): T {
  const engine = tf.engine() as unknown as Engine;
  const { state } = tf.engine();
  const keyOf = meter.name === 'tensor-bytes' ? dataNumbers() : addressOf;
  const bytesOf = byteCount(meter.name);
  const dtypeOf = ({ dtype, dataId }: tf.Tensor): string =>
    meter.name === 'tensor-bytes' ? dtype : (tf.backend() as TorchBackend).storage(dataId)!.dtype;
  const all: WatchedStore[] = [];
  const byKey = new Map<number, WatchedStore>();
  const keys = new Map<number, number>();
  const names = new Map<tf.Tensor, { readonly name: string; readonly holder: string }>();
  const made = new WeakMap<object, string>();
  const ops: { readonly name: string; readonly whole: boolean }[] = [];
  let now = 0;
  let toldBytes = 0;
  let untoldBytes = 0;
  let phase = '';
  let most = { bytes: 0, at: 0, untoldBytes: 0, op: '', during: '', open: false };

  const op = (): string => ops.at(-1)?.name ?? '';
  /** Whether the peak was reached since the last look. */
  const look = (): void => {
    const bytes = meter.peak();
    if (bytes <= most.bytes) return;
    most = { bytes, at: now, untoldBytes, op: op(), during: phase, open: true };
  };
  const measure = (): void => {
    untoldBytes = meter.current() - toldBytes;
  };
  const track = (tensor: tf.Tensor): void => {
    const key = keyOf(tensor);
    if (key === undefined) return;
    keys.set(tensor.id, key);
    const known = byKey.get(key);
    // A gradient may take the memory of what was saved for it, which is disposed just after.
    const taken = known !== undefined && op().startsWith(gradientOf);
    const called = names.get(tensor);
    if (known !== undefined && !taken) {
      known.tensors++;
      // A variable that takes the values of a result.
      if (called !== undefined) Object.assign(known, called);
      return;
    }
    now++;
    if (known !== undefined) {
      known.until = now;
      toldBytes -= known.bytes;
    }
    // Results of the op that reached the peak were there.
    if (most.open) most.at = now;
    const store: WatchedStore = {
      ...{ bytes: bytesOf(tensor), shape: tensor.shape, dtype: dtypeOf(tensor), madeBy: op(), during: phase },
      ...{ savedBy: new Set<string>(), from: now, until: Infinity, tensors: 1 + (known?.tensors ?? 0) },
    };
    if (called !== undefined) Object.assign(store, called);
    all.push(store);
    byKey.set(key, store);
    toldBytes += store.bytes;
    made.set(tensor.dataId, op());
  };
  const untrack = (tensor: tf.Tensor): void => {
    const key = keys.get(tensor.id);
    if (key === undefined) return;
    keys.delete(tensor.id);
    const store = byKey.get(key)!;
    if (--store.tensors > 0) return;
    store.until = ++now;
    byKey.delete(key);
    toldBytes -= store.bytes;
  };
  const within = <R>(name: string, run: () => R, whole = true): R => {
    look();
    most.open = false;
    measure();
    ops.push({ name, whole });
    try {
      return run();
    } finally {
      look();
      most.open = false;
      ops.pop();
      measure();
    }
  };
  const describe = (name: string, inputs: readonly tf.Tensor[]): string => {
    const variable = inputs.map((each) => names.get(each)?.name).find((each) => each !== undefined);
    if (variable !== undefined) return `${name} ${variable}`;
    const source = inputs.map(({ dataId }) => made.get(dataId)).find((each) => each !== undefined);
    return source === undefined ? name : `${name} after ${source.replace(/^.* after /, '')}`;
  };

  const part = (inputs: readonly tf.Tensor[]): string => {
    const path = common(inputs.flatMap((each) => names.get(each)?.name ?? []));
    return path === '' ? describe('op', inputs) : `part ${path}`;
  };

  const own = fused();
  const backend = tf.getBackend();
  const watched = Object.fromEntries(
    Object.entries(own).map(([name, run]) => [
      name,
      (...args: unknown[]) =>
        within(describe(name, tensorsIn(args)).replace(/\.weight$/, ''), () =>
          (run as (...args: unknown[]) => unknown)(...args),
        ),
    ]),
  ) as unknown as FusedOps;
  const trackTensor = engine.trackTensor.bind(engine);
  const disposeTensor = engine.disposeTensor.bind(engine);
  const runKernel = engine.runKernel.bind(engine);
  const addTapeNode = engine.addTapeNode.bind(engine);
  const patches: Engine = {
    trackTensor(tensor, on) {
      trackTensor(tensor, on);
      look();
      track(tensor);
    },
    disposeTensor(tensor) {
      look();
      most.open = false;
      disposeTensor(tensor);
      untrack(tensor);
    },
    runKernel(name, inputs, attributes) {
      const run = (): unknown => runKernel(name, inputs, attributes);
      if (ops.at(-1)?.whole === true && name !== 'Identity') return run();
      return within(describe(name, tensorsIn(Object.values(inputs))), run);
    },
    addTapeNode(...args) {
      addTapeNode(...args);
      const node: TapeNode = state.activeTape!.at(-1)!;
      const { gradient, saved = [], inputs } = node;
      const whole = ops.at(-1)?.whole === true;
      // One that runs ops of its own as it goes back: a part that is recomputed, or whose gradients are there.
      const what = whole ? op() : part(Object.values(inputs));
      for (const tensor of saved) byKey.get(keys.get(tensor.id)!)?.savedBy.add(what);
      if (gradient !== undefined) {
        node.gradient = (dys) => within(`${gradientOf}${what}`, () => gradient(dys), whole);
      }
    },
  };
  for (const variable of Object.values(state.registeredVariables)) track(variable);
  Object.assign(engine, patches);
  registerFusedOps(backend, watched);
  try {
    return f({
      during: (what) => (phase = what),
      name(tensor, name, holder) {
        const store = byKey.get(keys.get(tensor.id) ?? NaN);
        if (store !== undefined) Object.assign(store, { name, holder });
        if (tensor instanceof tf.Variable) names.set(tensor, { name, holder });
      },
      reset() {
        meter.reset();
        measure();
        most = { bytes: meter.peak(), at: now, untoldBytes, op: op(), during: phase, open: false };
      },
      peak() {
        look();
        const { bytes, at, op, during } = most;
        const stores = all.filter(({ from, until }) => from <= at && at < until);
        const rest = bytes - stores.reduce((sum, store) => sum + store.bytes, 0);
        const untold = Math.min(rest, most.untoldBytes);
        return { bytes, stores, untoldBytes: untold, workspace: { op, during, bytes: rest - untold } };
      },
    });
  } finally {
    registerFusedOps(backend, own);
    for (const name of Object.keys(patches)) Reflect.deleteProperty(engine, name);
  }
}

const gradientOf = 'gradient of ';

/** Where a tensor's memory begins; undefined for strings, which are not the meter's. */
function addressOf({ dataId }: tf.Tensor): number | undefined {
  return (tf.backend() as TorchBackend).storage(dataId)?.address;
}

/** A number for the values of a tensor, which others may share. */
function dataNumbers(): (tensor: tf.Tensor) => number {
  const numbers = new WeakMap<tf.DataId, number>();
  let next = 0;
  return ({ dataId }) => {
    const number = numbers.get(dataId) ?? next++;
    numbers.set(dataId, number);
    return number;
  };
}

/** How many bytes the meter counts for a tensor's memory: the allocators round up. */
function byteCount(name: MemoryMeter['name']): (tensor: tf.Tensor) => number {
  if (name === 'tensor-bytes') {
    return ({ dtype, size }) =>
      dtype === 'complex64' || dtype === 'string' ? 0 : size * tf.util.bytesPerElement(dtype);
  }
  const step = name === 'cpu-allocator' ? 64 : 512;
  return ({ dataId }) => {
    const { bytes } = (tf.backend() as TorchBackend).storage(dataId)!;
    return Math.ceil(bytes / step) * step;
  };
}

/** The tensors among arguments, and in maps and lists among these. */
function tensorsIn(values: readonly unknown[]): tf.Tensor[] {
  return values.flatMap((value) => {
    if (value instanceof tf.Tensor) return [value as tf.Tensor];
    if (typeof value !== 'object' || value === null) return [];
    const inside: readonly unknown[] = Object.values(value);
    return inside.filter((each): each is tf.Tensor => each instanceof tf.Tensor);
  });
}

/** What dotted names begin with. */
function common(names: readonly string[]): string {
  const [first = [], ...others] = names.map((name) => name.split('.'));
  const differs = first.findIndex((part, i) => others.some((other) => other[i] !== part));
  return first.slice(0, differs < 0 ? -1 : differs).join('.');
}
