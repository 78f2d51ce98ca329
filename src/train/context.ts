import type { ProcessGroup } from '../distributed/process-group.js';
import type { Engine } from '../engine/engine.js';
import type { TrainEvent } from './events.js';
import type { OptimizerKind } from './optimizer.js';
import type { TrainSettingsInput } from './optimizers.js';
import type { TrainState } from './state.js';

/** The run that a training section belongs to. */
export interface TrainContext {
  /** Of the images' order and augmentation; the network and the strategy have their own. */
  readonly seed: number;
  readonly engine: Engine;
  /** Those that `optimizer` may name; default: the built-in ones. */
  readonly optimizers?: readonly OptimizerKind[];
  /** Ends the run after the step at hand; epochs that are finished are kept. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Ranks that train together, each on its share of every batch, all with the same other options but for who is told
   * and who goes on: of these, rank 0's alone count in what is summed up. A signal ends all of them after the same step.
   */
  readonly ranks?: ProcessGroup | undefined;
  /** Told how the training goes on. */
  readonly onEvent?: ((event: TrainEvent) => void) | undefined;
  /** Goes on from there; the numbers are those of a run that was never interrupted, to the last bit. */
  readonly resume?: TrainState | undefined;
  /**
   * Takes what is needed to go on: after each epoch, before its event, and where the run ends in the middle of one, by
   * the signal or because its data cannot be had. All tensors are finite.
   */
  readonly onState?: ((state: TrainState) => void) | undefined;
}

/** How a strategy is trained, and the run that this is for. */
export type TrainOptions = TrainSettingsInput & TrainContext;
