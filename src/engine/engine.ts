import type { Capture } from './capture.js';

/** The engines a run can be asked for, fastest first. */
export const engineNames = ['torch-cuda', 'torch', 'tensorflow', 'wasm', 'cpu'] as const;
/** An engine by name. */
export type EngineName = (typeof engineNames)[number];

/** Peak memory of what the engine computes, in bytes. Its name goes with every figure. */
export interface MemoryMeter {
  readonly name: 'cuda-allocator' | 'cpu-allocator' | 'tensor-bytes';
  /** Bytes in use now. */
  current(): number;
  /** Most bytes in use since the last reset. */
  peak(): number;
  /**
   * Most bytes taken from the system since the last reset. Of `tensor-bytes` on Linux all that the process had in memory at
   * its peak since the last release; elsewhere the peak.
   */
  reserved(): number;
  /** Begins `peak` and `reserved` anew. */
  reset(): void;
  /** Gives cached, unused memory back to the system, so that `reserved` counts from what is in use. */
  release(): void;
}

/** A TensorFlow.js backend that is set and ready. */
export interface Engine {
  readonly name: EngineName;
  /** For people: library, version, device, threads. */
  readonly description: string;
  readonly memory: MemoryMeter;
  /** Captures steps, where the engine can. */
  readonly capture?: Capture;
}
