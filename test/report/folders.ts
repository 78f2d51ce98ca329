import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { writeMetrics } from '../../src/runs/metrics.js';
import { thisMachine } from '../../src/core/machine.js';
import type { EpochMetrics, StepMetrics } from '../../src/train/events.js';
import { openStepFile } from '../../src/runs/steps.js';
import { epochMetrics, runResult } from '../runs/helpers.js';

export interface WrittenRun {
  readonly label?: string;
  readonly method?: string;
  readonly seed?: number;
  readonly epochs?: readonly EpochMetrics[];
  readonly updates?: readonly string[];
  /** The names of plugins' metrics. */
  readonly metrics?: readonly string[];
  /** Where steps are logged. */
  readonly steps?: readonly StepMetrics[];
  /** `open`: without a summary. */
  readonly status?: 'finished' | 'interrupted' | 'failed' | 'open';
  readonly error?: string;
  /** Beside or in place of the config's own. */
  readonly config?: object;
  /** Beside the summary's own. */
  readonly summary?: object;
  /** The engine of each process that trained it: the first began it, the others resumed it. */
  readonly processes?: readonly string[];
}

/** Writes a folder as a run leaves it. */
export function writeRun(folder: string, run: WrittenRun = {}): string {
  const {
    label = 'bp',
    method = 'bp',
    seed = 1,
    epochs = [],
    updates = [],
    metrics = [],
    steps,
    status = 'finished',
    error,
    config,
    summary,
    processes = ['libtorch'],
  } = run;
  mkdirSync(folder, { recursive: true });
  const file = (name: string): string => join(folder, name);
  writeFileSync(
    file('config.yaml'),
    stringify({
      name: 'tiny',
      seed,
      engine: 'torch',
      data: { name: 'fashion-mnist' },
      network: { name: 'resnet', layers: 8 },
      train: { epochs: 3, batchSize: 16, learningRate: 0.1 },
      method: { method, label },
      ...config,
    }),
  );
  writeMetrics(file('metrics.csv'), { updates, evaluatedOn: 'test', metrics }, epochs);
  if (steps !== undefined) {
    const file = openStepFile(join(folder, 'steps.csv'), updates, undefined);
    for (const step of steps) file.write(step);
    file.close();
  }
  const { blocks, engine, memoryMeter } = runResult();
  const identity = { method, label, blocks, seed, engine, memoryMeter };
  const log = [
    ...processes.map((engineDescription, i) => ({
      ...{ ...identity, engineDescription, dataset: 'fashion-mnist', machine: thisMachine() },
      msg: i === 0 ? 'start' : 'resume',
    })),
    ...epochs.map(({ epoch }) => ({ type: 'epoch-start', epoch, epochs: 3, steps: 4 })),
    ...(status === 'open'
      ? [{ type: 'epoch-start', epoch: epochs.length + 1, epochs: 3, steps: 4 }]
      : [{ status, msg: 'summary' }]),
  ].map((line) => `${JSON.stringify({ time: '2026-01-02T03:04:05.678Z', ...line })}\n`);
  writeFileSync(file('log.jsonl'), log.join(''));
  if (status !== 'open')
    writeFileSync(file('summary.json'), JSON.stringify({ status, error, ...identity, ...summary }));
  return folder;
}

/** Epochs whose accuracy is as given. */
export function epochsOf(
  accuracies: readonly number[],
  changes: (epoch: number) => Partial<EpochMetrics> = () => ({}),
): EpochMetrics[] {
  return accuracies.map((evaluationAccuracy, i) =>
    epochMetrics(i + 1, { evaluationAccuracy, ...changes(i + 1) }),
  );
}
