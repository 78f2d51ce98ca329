import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pino, type Logger } from 'pino';
import { stringify } from 'yaml';
import { messageOf, UserError } from '../errors.js';
import { writeFileAtomic } from '../files.js';
import { writeSafetensors, type SafeTensor } from '../nn/safetensors.js';
import type { EpochMetrics } from '../train/events.js';
import { labelOf, type Config, type MethodConfig } from './config.js';
import { writeMetrics } from './metrics-file.js';
import type { RunSummary } from './summary.js';

/**
 * One run on disk. Every write is whole or not there, and synchronous: whatever ends the process leaves a folder that
 * the readers accept.
 */
export interface RunFolder {
  readonly path: string;
  /** Writes to `log.jsonl`. */
  readonly log: Logger;
  writeMetrics(epochs: readonly EpochMetrics[]): void;
  writeWeights(tensors: ReadonlyMap<string, SafeTensor>, metadata: Readonly<Record<string, string>>): void;
  writeSummary(summary: RunSummary): void;
  /** Closes the log; nothing is written afterwards. */
  close(): void;
}

/** The config of one run: of several methods only this one, so that the file trains the same run again. */
export type RunConfig = Omit<Config, 'method' | 'methods'> & { readonly method: MethodConfig };

/**
 * Makes a new folder `<time>-<name>-<method>-s<seed>` in `parent` (`-2`, `-3`, … follow if that is taken) with
 * `config.yaml` and a `metrics.csv` that has no rows yet.
 *
 * @param updates the names of the run's updates: columns of the metrics
 * @throws UserError if the folder can't be made
 */
export function createRunFolder(
  parent: string,
  config: RunConfig,
  updates: readonly string[],
  now = new Date(),
): RunFolder {
  const time = now.toISOString().replace(/\..*/, '').replaceAll(':', '-');
  const method = labelOf(config.method).replaceAll(/[^A-Za-z0-9._-]+/g, '-');
  const path = makeNewFolder(parent, `${time}-${config.name}-${method}-s${config.seed}`);
  const metricsPath = join(path, 'metrics.csv');
  writeFileAtomic(join(path, 'config.yaml'), stringify(config));
  writeMetrics(metricsPath, updates, []);
  const logFile = pino.destination({ dest: join(path, 'log.jsonl'), sync: true });
  const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, logFile);
  return {
    path,
    log,
    writeMetrics: (epochs) => writeMetrics(metricsPath, updates, epochs),
    writeWeights: (tensors, metadata) =>
      writeSafetensors(join(path, 'weights.safetensors'), tensors, metadata),
    writeSummary: (summary) =>
      writeFileAtomic(join(path, 'summary.json'), `${JSON.stringify(summary, null, 2)}\n`),
    close: () => logFile.end(),
  };
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
    throw new UserError(`${parent}: cannot make a folder for the run: ${messageOf(error)}`);
  }
}
