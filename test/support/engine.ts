import type { Engine, EngineName } from '../../src/engine/engine.js';
import { selectEngine } from '../../src/engine/select.js';
import { nativeStatus } from '../../src/engine/torch/load-native.js';
import { torchEngine } from './device.js';

/** Whether libtorch and the bridge are here; tests of that engine are skipped, visibly, where they are not. */
export const hasTorch = nativeStatus().available;

/** The fastest engine that every test may count on. */
export const testEngine: EngineName = hasTorch ? torchEngine : 'cpu';

/** Starts an engine. One test file uses one engine: a process has one allocator and one set of fused ops in use. */
export async function startEngine(name: EngineName = testEngine): Promise<Engine> {
  return (await selectEngine(name, { fullPrecision: true })).engine;
}
