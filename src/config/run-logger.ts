import type { EpochMetrics, StepMetrics } from '../train/events.js';

/** A run, as its loggers are told of it. */
export interface LoggedRun {
  /** Its folder. */
  readonly folder: string;
  /** The method's label. */
  readonly label: string;
  readonly seed: number;
  /** As `config.yaml` in its folder has it: plain data. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Epochs that were finished before, where it is gone on with. */
  readonly finished: readonly EpochMetrics[];
}

/** How a run ended. */
export interface RunEnd {
  readonly status: 'finished' | 'interrupted' | 'failed';
  /** What it failed with. */
  readonly error?: string;
}

/**
 * Takes one run's figures somewhere. Calls come in order, each after the promise of the one before, while training goes
 * on; the last is waited for. One that throws or rejects is told to the user and ends the logger, not the run.
 */
export interface RunLogger {
  /** Called after each epoch. */
  epoch(metrics: EpochMetrics): void | Promise<void>;
  /** Called after each `train.logEvery` steps, where a config has that. */
  step?(metrics: StepMetrics): void | Promise<void>;
  /** Called once, unless the process is killed. */
  end(how: RunEnd): void | Promise<void>;
}

/** Makes a logger of each run. A plugin's `loggers` log every run whose config names the plugin. */
export interface LoggerKind {
  readonly name: string;
  /** Called as the run begins. */
  start(run: LoggedRun): RunLogger | Promise<RunLogger>;
}
