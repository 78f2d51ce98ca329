import * as tf from '@tensorflow/tfjs';
import type { MemoryMeter } from './engine.js';
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
 * What TensorFlow.js's tensors hold, for backends that do not tell: the bytes of their values, without what a kernel
 * uses inside. Exact, because every change of the engine's count passes through here.
 */
export function tensorBytesMeter(): MemoryMeter {
  watch();
  return {
    name: 'tensor-bytes',
    current: () => watch().bytes,
    peak: () => watch().peak,
    reserved: () => watch().peak,
    reset() {
      const counts = watch();
      counts.peak = counts.bytes;
    },
    release: () => {}, // nothing is cached
  };
}

/** Replaces the engine's byte count with one that remembers its maximum, once for each state the engine has. */
function watch(): Watched {
  const { state } = tf.engine();
  const known = watched.get(state);
  if (known !== undefined) return known;
  const counts: Watched = { bytes: state.numBytes, peak: state.numBytes };
  Object.defineProperty(state, 'numBytes', {
    get: () => counts.bytes,
    set(bytes: number) {
      counts.bytes = bytes;
      if (bytes > counts.peak) counts.peak = bytes;
    },
    enumerable: true,
    configurable: true,
  });
  watched.set(state, counts);
  return counts;
}
