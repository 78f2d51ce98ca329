import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import type { DataIdentity } from '../data/identity.js';
import { messageOf, UserError } from '../core/errors.js';
import { countsByClass } from '../train/by-class.js';
import type { EpochMetrics, StepMetrics } from '../train/events.js';
import { classRecord, type ClassRecord } from '../runs/by-class.js';
import { readMetrics } from '../runs/metrics.js';
import { readSteps } from '../runs/steps.js';
import { readEvaluation, type EvaluationRecord } from '../study/evaluation-file.js';
import { readProbe, type ProbeReport } from '../study/probe-file.js';
import { readSimilarities, type SimilarityReport } from '../study/similarity-file.js';
import { readRunData } from '../runs/data.js';
import { check, formatPath } from '../core/schema-problems.js';
import { readRunSummary, type RunIdentity, type RunRanks, type RunSummary } from '../runs/summary.js';
import { visible } from '../core/visible.js';
import { parseYaml } from '../config/yaml-source.js';
import { refuseReplacedMethod } from '../runs/earlier-defaults.js';
import { readRunLog, type RunLog } from '../runs/run-log.js';

/**
 * What a report needs of a run's config. The rest is shown and compared, not believed: checking it would run the
 * run's plugins.
 */
const configSchema = z.looseObject({
  name: z.string(),
  seed: z.int(),
  engine: z.string(),
  data: z.looseObject({ name: z.string() }),
  network: z.looseObject({ name: z.string() }),
  train: z.looseObject({
    epochs: z.int().min(1),
    batchSize: z.int().min(1),
  }),
  method: z.looseObject({
    method: z.string(),
    label: z.string().exactOptional(),
    recompute: z.unknown().exactOptional(),
    accumulate: z.int().min(1).exactOptional(),
  }),
});

export type RecordedConfig = z.infer<typeof configSchema>;

/** A run as its folder tells it. */
export interface RunRecord {
  readonly folder: string;
  /** The folder's name. */
  readonly name: string;
  readonly label: string;
  readonly method: string;
  readonly seed: number;
  readonly config: RecordedConfig;
  /** What it was trained on; undefined for runs of older versions. */
  readonly data: DataIdentity | undefined;
  /** `config.yaml` as it stands. */
  readonly configText: string;
  readonly epochs: readonly EpochMetrics[];
  /** Single steps, where they were logged. */
  readonly steps: readonly StepMetrics[];
  /** `open`: it has not ended, or was killed. */
  readonly status: RunSummary['status'] | 'open';
  readonly error: string | undefined;
  /** Undefined if the run was killed before it could write its log. */
  readonly identity: RunIdentity | undefined;
  /** Undefined where one process trained it. */
  readonly ranks: RunRanks | undefined;
  readonly log: RunLog;
  /** Undefined if it was not evaluated class by class. */
  readonly evaluation: EvaluationRecord | undefined;
  /** What the images of each class are taken for after its last epoch; undefined for runs of older versions. */
  readonly byClass: ClassRecord | undefined;
  /** Undefined if the run was not probed. */
  readonly probe: ProbeReport | undefined;
  /** Its units beside those of other runs. */
  readonly similarities: readonly SimilarityReport[];
  /** When the run last wrote metrics or a line of its log. */
  readonly lastWrite: Date;
}

/** Reads a run folder. Throws a UserError that names the file which is not as a run leaves it. */
export function readRunRecord(folder: string): RunRecord {
  const configPath = join(folder, 'config.yaml');
  const configText = readText(configPath);
  const config = readConfig(configText, configPath);
  refuseReplacedMethod(config.method, configPath);
  const metricsPath = join(folder, 'metrics.csv');
  const epochs = readMetrics(metricsPath);
  const stepsPath = join(folder, 'steps.csv');
  const logPath = join(folder, 'log.jsonl');
  const log = readRunLog(logPath);
  const summaryPath = join(folder, 'summary.json');
  const written = existsSync(summaryPath) ? readRunSummary(summaryPath) : undefined;
  // A run that goes on has the summary of its interruption still.
  const summary = log.starts.length > 0 && !log.ended ? undefined : written;
  const evaluation = readEvaluation(folder, epochs.length);
  const label = config.method.label ?? config.method.method;
  return {
    folder,
    name: basename(folder),
    label: visible(label),
    method: config.method.method,
    seed: config.seed,
    config,
    data: readRunData(folder),
    configText,
    epochs,
    steps: existsSync(stepsPath) ? readSteps(stepsPath) : [],
    status: summary?.status ?? 'open',
    error: summary?.error,
    identity: written ?? log.starts.at(-1),
    ranks: written?.ranks,
    log,
    evaluation,
    byClass: evaluation === undefined ? lastOf(written, epochs.length) : byClassOf(evaluation),
    probe: existsSync(join(folder, 'probe.json')) ? readProbe(folder) : undefined,
    similarities: readSimilarities(folder),
    lastWrite: new Date(
      Math.max(...[metricsPath, logPath].filter(existsSync).map((path) => statSync(path).mtimeMs)),
    ),
  };
}

/** A run that has gone on has the summary of its interruption still: it says nothing of the network as it is. */
const lastOf = (summary: RunSummary | undefined, epochs: number): ClassRecord | undefined =>
  summary?.epochs === epochs ? summary.byClass : undefined;

const byClassOf = ({ classes, counts }: EvaluationRecord): ClassRecord =>
  classRecord(classes, countsByClass(counts));

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UserError(`${path}: cannot read the config: ${messageOf(error)}`);
  }
}

function readConfig(text: string, path: string): RecordedConfig {
  const result = check(configSchema, parseYaml(text, path).value);
  if ('value' in result) return result.value;
  const { path: place, message } = result.problems[0]!;
  throw new UserError(visible(`${path}: ${formatPath(place)}: ${message}`));
}
