import type { LoggerKind } from '../../config/run-logger.js';
import type { RunFolder } from '../folder.js';

/** Writes a file of events for TensorBoard into the run's folder. */
export const tensorboardLogger = (folder: RunFolder): LoggerKind => ({
  name: 'tensorboard',
  start: ({ finished }) => {
    const events = folder.openEvents(finished);
    return { epoch: (metrics) => events.write(metrics), end: () => events.close() };
  },
});
