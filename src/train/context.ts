import type { ProcessGroup } from '../distributed/process-group.js';
import type { Engine } from '../engine/engine.js';
import type { TrainEvent } from './events.js';
import type { OptimizerKind, Optimizer } from './optimizer.js';
import type { TrainSettings, TrainSettingsInput } from './optimizers.js';
import type { MetricKind } from './metric.js';
import type { Schedule, ScheduleKind } from './schedules.js';
import type { TrainState } from './state.js';

/** The run that a training section belongs to. */
export interface TrainContext {
  /** Of the images' order and augmentation; the network and the strategy have their own. */
  readonly seed: number;
  readonly engine: Engine;
  /** Those that `optimizer` may name; default: the built-in ones. */
  readonly optimizers?: readonly OptimizerKind[];
  /** Those that `schedule` may name; default: the built-in ones. */
  readonly schedules?: readonly ScheduleKind[] | undefined;
  /** What is told of each evaluation beside accuracy and loss; default: nothing. Not where ranks train together. */
  readonly metrics?: readonly MetricKind[] | undefined;
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

/** How a strategy is trained as a config says it, and the run that this is for. */
export type ConfiguredTraining = TrainSettingsInput & TrainContext;

/** How a strategy is trained, and the run that this is for. */
export interface TrainOptions extends Omit<TrainSettingsInput, 'optimizer' | 'schedule'>, TrainContext {
  /** By name and options, or one that was made: it is used for this training, and disposed of after it. */
  readonly optimizer?: TrainSettingsInput['optimizer'] | Optimizer;
  /** By name, with options or without, or the share of `learningRate` at each moment. */
  readonly schedule?: TrainSettingsInput['schedule'] | Schedule;
}

/** A validated `train` section, with the run that it belongs to and a schedule that may be the caller's own. */
export type RunSettings = Omit<TrainSettings, 'schedule'> &
  TrainContext & { readonly schedule: TrainSettings['schedule'] | Schedule };

type Given = Omit<TrainOptions, keyof TrainContext>;

/** What is named, as a config has it, and what was made already. */
export function splitMade({ optimizer, schedule, ...rest }: Given): {
  readonly section: TrainSettingsInput;
  readonly made: { readonly optimizer: Optimizer | undefined; readonly schedule: Schedule | undefined };
} {
  const isMade = typeof optimizer === 'object' && 'step' in optimizer;
  const isFunction = typeof schedule === 'function';
  return {
    section: {
      ...rest,
      ...(isMade || optimizer === undefined ? {} : { optimizer }),
      ...(isFunction || schedule === undefined ? {} : { schedule }),
    },
    made: {
      optimizer: isMade ? (optimizer as Optimizer) : undefined,
      schedule: isFunction ? schedule : undefined,
    },
  };
}
