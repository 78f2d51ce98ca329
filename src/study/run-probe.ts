import { basename, resolve } from 'node:path';
import type { ScanProgress } from '../data/files/scan.js';
import { identityOf } from '../data/identity.js';
import type { EngineName } from '../engine/engine.js';
import { outOfMemoryIn } from '../engine/out-of-memory.js';
import { UserError } from '../core/errors.js';
import { refuseOtherData } from '../runs/data.js';
import { openExperiment, type Experiment } from '../runs/experiment.js';
import { withTrainedNetwork, type TrainedRun } from '../runs/trained-network.js';
import { compareUnits } from './compare-units.js';
import { writeProbe, type ProbeReport } from './probe-file.js';
import { probeUnits, type ProbeOptions } from './probe-units.js';
import { writeSimilarity, type SimilarityReport } from './similarity-file.js';

export interface RunProbeOptions extends Pick<ProbeOptions, 'images' | 'signal' | 'onProgress'> {
  readonly engine: 'auto' | EngineName;
  /** Told what its user should know, such as that the data could not be checked. */
  readonly onNotice?: ((notice: string) => void) | undefined;
  readonly onScan?: ScanProgress | undefined;
}

/**
 * Probes the units of a run's network (see `probeUnits`) and writes `probe.json` into its folder.
 * @returns the report, and where it was written
 * @throws UserError if the data set is not the one that the run was trained on
 */
export async function probeRun(
  run: TrainedRun,
  options: RunProbeOptions,
): Promise<{ readonly report: ProbeReport; readonly path: string }> {
  const experiment = await openFor([run], options);
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
  const experiment = await openFor([run, other], options);
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

/** With the first run's config; its data must be that of all. */
async function openFor(
  runs: readonly [TrainedRun, ...TrainedRun[]],
  options: RunProbeOptions,
): Promise<Experiment> {
  const { engine, onNotice, onScan } = options;
  const [{ config, registry }] = runs;
  const experiment = await openExperiment({ ...config, engine }, registry, onScan);
  const here = identityOf(experiment.dataset);
  for (const { folder, data } of runs) refuseOtherData(folder, data, here, (message) => onNotice?.(message));
  if (experiment.notice !== undefined) onNotice?.(experiment.notice);
  for (const note of experiment.dataset.notes ?? []) onNotice?.(note);
  return experiment;
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
