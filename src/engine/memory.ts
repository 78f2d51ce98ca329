import tf = require('@tensorflow/tfjs');
import type { MemoryMeter } from './engine.js';
import { forgetProcessPeak, processPeakBytes } from './process-memory.js';
import type { Native } from './torch/native.js';

/** What libtorch's allocator has handed out on a device: every tensor and every temporary, in exact bytes. */
export function allocatorMeter(native: Native, device: 'cpu' | 'cuda'): MemoryMeter {
  return {
    name: `${device}-allocator`,
    current: () => native.memory(device).allocatedBytes,
    peak: () => native.memory(device).peakAllocatedBytes,
    reserved: () => native.memory(device).peakReservedBytes,
    reset: () => native.resetPeakMemory(device),
    release: () => native.releaseCachedMemory(device),
  };
}

interface Watched {
  bytes: number;
  peak: number;
}

const watched = new WeakMap<object, Watched>();

/**
 * What TensorFlow.js's tensors hold, for backends that do not tell: the bytes of their values, those that several
 * tensors share once, without what a kernel uses inside. Exact, because all that is made and freed passes through here.
 * What they leave out is in the process's own peak, which on Linux is what is reserved: with Node and all its heap.
 */
export function tensorBytesMeter(): MemoryMeter {
  watch();
  return {
    name: 'tensor-bytes',
    current: () => watch().bytes,
    peak: () => watch().peak,
    reserved: () => Math.max(processPeakBytes() ?? 0, watch().peak),
    reset() {
      const counts = watch();
      counts.peak = counts.bytes;
    },
    release: forgetProcessPeak,
  };
}

/**
 * Has the engine's list of data count their bytes, once for each state the engine has. Its own count takes a copy of a
 * tensor, or its values in another shape, for memory of their own.
 */
function watch(): Watched {
  const { state } = tf.engine();
  const known = watched.get(state);
  if (known !== undefined) return known;
  const counts: Watched = { bytes: state.numBytes, peak: state.numBytes };
  const { tensorInfo } = state;
  const set = tensorInfo.set.bind(tensorInfo);
  const remove = tensorInfo.delete.bind(tensorInfo);
  const bytesOf = (id: object): number => {
    const info = tensorInfo.get(id);
    return info === undefined || info.dtype === 'string' ? 0 : info.bytes;
  };
  tensorInfo.set = (id, info) => {
    set(id, info);
    counts.bytes += bytesOf(id);
    counts.peak = Math.max(counts.peak, counts.bytes);
    return tensorInfo;
  };
  tensorInfo.delete = (id) => {
    counts.bytes -= bytesOf(id);
    return remove(id);
  };
  watched.set(state, counts);
  return counts;
}
