import type { ScanProgress } from '../data/files/scan.js';
import { identityOf } from '../data/identity.js';
import type { EngineName } from '../engine/engine.js';
import { refuseOtherData } from '../runs/data.js';
import { openExperiment, type Experiment } from '../runs/experiment.js';
import type { TrainedRun } from '../runs/trained-network.js';

/** On what engine a run's data is opened, and who is told of it. */
export interface RunDataOptions {
  readonly engine: 'auto' | EngineName;
  /** Told what its user should know, such as that the data could not be checked. */
  readonly onNotice?: ((notice: string) => void) | undefined;
  readonly onScan?: ScanProgress | undefined;
}

/**
 * Opens the data that runs were trained on, with the first one's config.
 *
 * @throws UserError if it is not there, or is other data than that of all the runs
 */
export async function openRunData(
  runs: readonly [TrainedRun, ...TrainedRun[]],
  { engine, onNotice, onScan }: RunDataOptions,
): Promise<Experiment> {
  const [{ config, registry }] = runs;
  const experiment = await openExperiment({ ...config, engine }, registry, onScan);
  const here = identityOf(experiment.dataset);
  for (const { folder, data } of runs) refuseOtherData(folder, data, here, (message) => onNotice?.(message));
  if (experiment.notice !== undefined) onNotice?.(experiment.notice);
  for (const note of experiment.dataset.notes ?? []) onNotice?.(note);
  return experiment;
}
