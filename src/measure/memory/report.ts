import { plural } from '../../core/text.js';
import { accumulateOf, labelOf, type MethodConfig } from '../../config/method-config.js';
import { buildMethod } from '../../local/build.js';
import { chooseCuts } from './choose-cuts.js';
import { bytesOf, ifItFits, measureStep, type StepMemory } from './measure.js';
import { withNetwork, type MemorySetting } from './setting.js';

/** What a training step of one method takes. */
export interface MethodMemory {
  readonly method: string;
  readonly label: string;
  readonly network: string;
  /** Gradient-isolated blocks that the network is cut into. */
  readonly blocks: number;
  /** Units that end a block, but the last. */
  readonly cuts: readonly string[];
  /** Bytes of all that is trained, each parameter once. */
  readonly parameterBytes: number;
  /** Undefined where it did not fit into the memory that there is. */
  readonly step: StepMemory | undefined;
}

export interface MeasureOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told what is being measured, for people who wait. */
  readonly onProgress?: ((message: string) => void) | undefined;
}

/**
 * Measures a training step of a method on random images, without training anything. Measured cut points
 * (`cuts: balanced`) are chosen first.
 *
 * Throws a UserError where the method does not fit the network.
 */
export async function measureMethod(
  setting: MemorySetting,
  method: MethodConfig,
  { signal, onProgress }: MeasureOptions = {},
): Promise<MethodMemory> {
  const label = labelOf(method);
  const progress = (what: string): void => onProgress?.(`${label}: ${what}`);
  const chosen = await chooseCuts(setting, method, { signal, onProgress: progress });
  return withNetwork(setting, (network) => {
    const strategy = buildMethod(network, chosen.method);
    const microBatch = setting.batchSize / accumulateOf(method, setting);
    try {
      progress(`a step of ${plural(strategy.blocks, 'block')}`);
      return {
        method: method.method.name,
        label,
        network: network.name,
        blocks: strategy.blocks,
        cuts: strategy.partition.slice(0, -1).map((units) => units.at(-1)!),
        parameterBytes: bytesOf(new Set(strategy.updates.flatMap(({ variables }) => variables))),
        step: ifItFits(() => measureStep(setting.engine.memory, strategy, { ...setting, microBatch })),
      };
    } finally {
      strategy.dispose();
    }
  });
}
