import { basename, resolve } from 'node:path';
import { outOfMemoryIn } from '../engine/out-of-memory.js';
import { UserError } from '../core/errors.js';
import type { Experiment } from '../runs/experiment.js';
import { withTrainedNetwork, type TrainedRun } from '../runs/trained-network.js';
import { compareUnits } from './compare-units.js';
import { writeProbe, type ProbeReport } from './probe-file.js';
import { probeUnits, type ProbeOptions } from './probe-units.js';
import { openRunData, type RunDataOptions } from './run-data.js';
import { writeSimilarity, type SimilarityReport } from './similarity-file.js';

export interface RunProbeOptions
  extends Pick<ProbeOptions, 'images' | 'signal' | 'onProgress'>, RunDataOptions {}

/**
 * Probes the units of a run's network (see `probeUnits`) and writes `probe.json` into its folder.
 * @returns the report, and where it was written
 * @throws UserError if the data set is not the one that the run was trained on
 */
export async function probeRun(
  run: TrainedRun,
  options: RunProbeOptions,
): Promise<{ readonly report: ProbeReport; readonly path: string }> {
  const experiment = await openRunData([run], options);
  const report = await withTrainedNetwork(run, experiment.dataset, async (network) => ({
    label: run.summary.label,
    method: run.summary.method,
    network: network.name,
    ...settingOf(experiment, run),
    ...(await probeUnits(network, experiment.dataset, optionsOf(run, options)).catch(sayOutOfMemory)),
  }));
  return { report, path: writeProbe(run.folder, report) };
}

/**
 * Compares the units of two runs' networks (see `compareUnits`), on the first one's test images, and writes
 * `cka-<other folder>.json` into its folder.
 * @returns the report, and where it was written
 * @throws UserError if the runs are on different data sets, or on another than is there now
 */
export async function compareRuns(
  run: TrainedRun,
  other: TrainedRun,
  options: RunProbeOptions,
): Promise<{ readonly report: SimilarityReport; readonly path: string }> {
  const [own, others] = [run.config.data.name, other.config.data.name];
  if (own !== others) {
    throw new UserError(
      `${other.folder}: trained on ${others}, but ${run.folder} on ${own}: units are compared on the same images`,
    );
  }
  const experiment = await openRunData([run, other], options);
  const name = basename(resolve(other.folder));
  const report = await withTrainedNetwork(run, experiment.dataset, (a) =>
    withTrainedNetwork(other, experiment.dataset, async (b) => ({
      a: { folder: basename(resolve(run.folder)), label: run.summary.label, network: a.name },
      b: { folder: name, label: other.summary.label, network: b.name },
      ...settingOf(experiment, run),
      ...(await compareUnits(a, b, experiment.dataset, optionsOf(run, options)).catch(sayOutOfMemory)),
    })),
  );
  return { report, path: writeSimilarity(run.folder, name, report) };
}

function sayOutOfMemory(error: unknown): never {
  throw outOfMemoryIn('probe', 'ask for fewer --images, or free memory on this machine', error);
}

function settingOf(
  { engine, dataset }: Experiment,
  { config }: TrainedRun,
): Pick<ProbeReport, 'engine' | 'evaluatedOn' | 'seed'> {
  return { engine: engine.name, evaluatedOn: dataset.evaluatedOn ?? 'test', seed: config.seed };
}

function optionsOf({ config }: TrainedRun, { images, signal, onProgress }: RunProbeOptions): ProbeOptions {
  return { images, signal, onProgress, seed: config.seed, workers: config.train.workers };
}
