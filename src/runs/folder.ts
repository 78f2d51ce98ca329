import { checkpointsOf } from '../formats/checkpoint-names.js';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pino, type Logger } from 'pino';
import { stringify } from 'yaml';
import type { DataIdentity } from '../data/identity.js';
import { messageOf, UserError } from '../core/errors.js';
import { writeFileAtomic } from '../core/files.js';
import { writeJson } from '../core/json-file.js';
import { takeLock } from '../core/lock.js';
import { writeSafetensors, type SafeTensor } from '../formats/safetensors.js';
import type { EpochMetrics, StepMetrics } from '../train/events.js';
import type { TrainState } from '../train/state.js';
import { writeCheckpoint, type CheckpointOrigin } from './checkpoint/file.js';
import { removeOldCheckpoints } from './checkpoint/store.js';
import { configDocument, type Config } from '../config/config.js';
import { labelOf, type MethodConfig } from '../config/method-config.js';
import { writeMetrics } from './metrics.js';
import { dataPathOf, writeRunData } from './data.js';
import { type MetricsColumns } from './metrics.js';
import type { RunSummary } from './summary.js';
import { openStepFile, type StepFile } from './steps.js';
import {
  openEventFile,
  openStepEventFile,
  type EventFile,
  type StepEventFile,
} from './tensorboard/event-file.js';
import { explainWrite, resumeCommand, writing } from './write-failure.js';

/**
 * One run on disk, held by a lock while it is open. Every write is whole or not there, and synchronous: whatever ends
 * the process leaves a folder that the readers accept. A write that fails throws a UserError that names the file, the
 * reason and how to go on.
 */
export interface RunFolder {
  readonly path: string;
  /** Writes to `log.jsonl`. */
  readonly log: Logger;
  /** Writes what the run is trained on. */
  writeData(identity: DataIdentity): void;
  writeMetrics(epochs: readonly EpochMetrics[]): void;
  /** Writes a checkpoint, then removes those that are not to be kept. */
  writeCheckpoint(state: TrainState, origin: Omit<CheckpointOrigin, 'config'>): void;
  writeWeights(tensors: ReadonlyMap<string, SafeTensor>, metadata: Readonly<Record<string, string>>): void;
  writeSummary(summary: RunSummary): void;
  /** Opens a file of events for TensorBoard. */
  openEvents(finished: readonly EpochMetrics[]): EventFile;
  /** Opens the file of steps, as it was where the run goes on. */
  openSteps(from: TrainState | undefined): StepFile;
  /** Opens a file of events of steps, in a folder of its own. */
  openStepEvents(earlier: readonly StepMetrics[]): StepEventFile;
  /** Closes the log and gives the folder back; nothing is written afterwards. */
  close(): void;
}

/** The config of one run: of several methods only this one, so that the file trains the same run again. */
export type RunConfig = Omit<Config, 'method' | 'methods' | 'baselines'> & { readonly method: MethodConfig };

/**
 * Makes a new folder `<time>-<name>-<method>-s<seed>` in `parent` (`-2`, `-3`, … follow if that is taken) with
 * `config.yaml` and a `metrics.csv` that has no rows yet.
 *
 * @throws UserError if the folder can't be made
 */
export function createRunFolder(
  parent: string,
  config: RunConfig,
  columns: MetricsColumns,
  now = new Date(),
): RunFolder {
  const time = now.toISOString().replace(/\..*/, '').replaceAll(':', '-');
  const method = labelOf(config.method).replaceAll(/[^A-Za-z0-9._-]+/g, '-');
  const path = makeNewFolder(parent, `${time}-${config.name}-${method}-s${config.seed}`);
  return beginRunFolder(path, config, columns);
}

/**
 * Makes a run folder of one that is there and has nothing in it, as `hasNothing` says.
 *
 * @throws UserError if another process has it, or it can't be written to
 */
export function beginRunFolder(path: string, config: RunConfig, columns: MetricsColumns): RunFolder {
  // The lock first: another process may have chosen the same folder.
  const release = lockRunFolder(path);
  const configPath = join(path, 'config.yaml');
  try {
    writing(configPath, () => {
      writeFileAtomic(configPath, stringify(configDocument(config)));
      writeMetrics(metricsPathOf(path), columns, []);
    });
    return openRunFolder(path, config, columns, release);
  } catch (error) {
    release();
    throw error;
  }
}

/**
 * Makes a folder if it is not there, and tells whether there is nothing in it, or only what a run has left that ended
 * before it had a config.
 *
 * @throws UserError if it can't be made or read
 */
export function hasNothing(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true });
    return readdirSync(folder).every((file) => leftover.test(file) || /^lock(\.\d+)?$/.test(file));
  } catch (error) {
    const reason = messageOf(existsSync(folder) ? error : (whyNotWritable(folder) ?? error));
    throw new UserError(`${folder}: cannot be the run's folder: ${reason}`);
  }
}

/**
 * Takes a run's folder for this process.
 *
 * @returns what gives it back
 * @throws UserError if it is taken
 */
export function lockRunFolder(path: string): () => void {
  const lock = join(path, 'lock');
  return writing(lock, () => takeLock(lock, `${path}: another process is training this run`));
}

/** Opens an existing folder of the run that `config` describes. `release` gives back its lock. */
export function openRunFolder(
  path: string,
  config: RunConfig,
  columns: MetricsColumns,
  release: () => void,
): RunFolder {
  const checkpoints = checkpointsOf(path);
  const logPath = join(path, 'log.jsonl');
  const then = `go on with: ${resumeCommand(path)}`;
  const ours = <T>(file: string, write: (file: string) => T): T => writing(file, write, then);
  ours(checkpoints, () => {
    removeLeftovers(path);
    removeLeftovers(checkpoints);
    endLastLine(logPath);
  });
  const logFile = ours(logPath, () => pino.destination({ dest: logPath, sync: true }));
  // Written at once, so this comes out of the call that logs.
  logFile.on('error', (error) => {
    throw explainWrite(error, logPath, then);
  });
  const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, logFile);
  return {
    path,
    log,
    writeData: (identity) => ours(dataPathOf(path), (file) => writeRunData(file, identity)),
    writeMetrics: (epochs) => ours(metricsPathOf(path), (file) => writeMetrics(file, columns, epochs)),
    writeCheckpoint: (state, origin) =>
      ours(checkpoints, () => {
        mkdirSync(checkpoints, { recursive: true });
        writeCheckpoint(checkpoints, { config: configDocument(config), ...origin }, columns, state);
        removeOldCheckpoints(checkpoints, config.train.keep, state.epochs);
      }),
    writeWeights: (tensors, metadata) =>
      ours(join(path, 'weights.safetensors'), (file) => writeSafetensors(file, tensors, metadata)),
    writeSummary: (summary) => ours(join(path, 'summary.json'), (file) => writeJson(file, summary)),
    openEvents: (finished) => {
      const events = ours(path, () => openEventFile(path, finished, columns));
      return { ...events, write: (epoch) => ours(events.path, () => events.write(epoch)) };
    },
    openSteps: (from) => {
      const steps = ours(join(path, 'steps.csv'), (file) => openStepFile(file, columns.updates, from));
      return { ...steps, write: (metrics) => ours(steps.path, () => steps.write(metrics)) };
    },
    openStepEvents: (earlier) => {
      const events = ours(join(path, 'steps'), (folder) => openStepEventFile(folder, earlier));
      return { ...events, write: (metrics) => ours(events.path, () => events.write(metrics)) };
    },
    close: () => {
      logFile.end();
      release();
    },
  };
}

function metricsPathOf(path: string): string {
  return join(path, 'metrics.csv');
}

/** What a write that a kill broke off has left. */
const leftover = /\.\d+\.tmp$/;

/** Removes such files. */
function removeLeftovers(folder: string): void {
  let files: string[];
  try {
    files = readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  for (const file of files) if (leftover.test(file)) rmSync(join(folder, file), { force: true });
}

/** Cuts off a line of the log that a kill or a full disk broke off. */
function endLastLine(path: string): void {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const whole = bytes.lastIndexOf('\n') + 1;
  if (whole < bytes.length) truncateSync(path, whole);
}

function makeNewFolder(parent: string, name: string): string {
  try {
    mkdirSync(parent, { recursive: true });
    for (let n = 1; ; n++) {
      const path = join(parent, n === 1 ? name : `${name}-${n}`);
      try {
        mkdirSync(path);
        return path;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
  } catch (error) {
    const reason = messageOf(whyNotWritable(parent) ?? error);
    throw new UserError(`${parent}: cannot make a folder for the run: ${reason}`);
  }
}

/** Of a folder that is to be made: on a read-only file system `mkdirSync` tells of a missing folder instead. */
function whyNotWritable(folder: string): unknown {
  let nearest = resolve(folder);
  while (!existsSync(nearest)) nearest = dirname(nearest);
  try {
    accessSync(nearest, constants.W_OK);
    return undefined;
  } catch (error) {
    return error;
  }
}
