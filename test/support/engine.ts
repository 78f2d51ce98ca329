import { engineNames, type Engine, type EngineName } from '../../src/engine/engine.js';
import { selectEngine } from '../../src/engine/select.js';
import { nativeStatus } from '../../src/engine/torch/load-native.js';
import { torchEngine } from './device.js';

/** Whether libtorch and the bridge are here; tests of that engine are skipped, visibly, where they are not. */
export const hasTorch = nativeStatus().available;

/** The engine that `npm run test:tensorflow` asks for. */
const asked = engineNames.find((name) => name === process.env.LOCALLEARN_TEST_ENGINE);

/** The fastest engine that every test may count on. */
export const testEngine: EngineName = asked ?? (hasTorch ? torchEngine : 'cpu');

/** For what every engine has in its own way. */
export const testEngines: readonly EngineName[] =
  asked === undefined ? [...(hasTorch ? ([torchEngine] as const) : []), 'wasm', 'cpu'] : [asked];

/** Runs of published size take minutes on the engine `cpu`. */
export const hasFastEngine = testEngine !== 'cpu';

/** Starts an engine. One test file uses one engine: a process has one allocator and one set of fused ops in use. */
export async function startEngine(name: EngineName = testEngine): Promise<Engine> {
  return (await selectEngine(name, { fullPrecision: true })).engine;
}
