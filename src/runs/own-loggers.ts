import type { LoggerKind, RunLogger } from '../config/run-logger.js';
import type { TrainState } from '../train/state.js';
import type { RunFolder } from './folder.js';
import { tensorboardLogger } from './tensorboard/logger.js';

/** What decides which files a run writes beside those of every run. */
export interface OwnFiles {
  readonly tensorboard: boolean | undefined;
  readonly logEvery: number | undefined;
  /** Where the run goes on. */
  readonly resume: TrainState | undefined;
}

/** The loggers that write into a run's own folder. */
export function ownLoggers(
  folder: RunFolder,
  { tensorboard = false, logEvery, resume }: OwnFiles,
): LoggerKind[] {
  const epochs = tensorboard ? [tensorboardLogger(folder)] : [];
  return logEvery === undefined ? epochs : [...epochs, stepsLogger(folder, tensorboard, resume)];
}

/** Writes `steps.csv`, and the same for TensorBoard where that is wanted. */
const stepsLogger = (
  folder: RunFolder,
  tensorboard: boolean,
  resume: TrainState | undefined,
): LoggerKind => ({
  name: 'steps',
  start: (): RunLogger => {
    const file = folder.openSteps(resume);
    const events = tensorboard ? folder.openStepEvents(file.earlier) : undefined;
    return {
      epoch: () => {},
      step: (metrics) => {
        file.write(metrics);
        events?.write(metrics);
      },
      end: () => {
        file.close();
        events?.close();
      },
    };
  },
});
