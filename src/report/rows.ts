import type { EpochMetrics, StepMetrics } from '../train/events.js';
import type { RunRecord } from './run-record.js';

/** A table of a run's numbers, in the order of its training, and where in that each row stands. */
export interface Rows<Row> {
  readonly of: (run: RunRecord) => readonly Row[];
  /** What it stands after. */
  readonly unit: 'epoch' | 'step';
  readonly at: (row: Row) => number;
  /** More of a line would only make the page heavy; default: all are drawn. */
  readonly most?: number;
}

export const epochRows: Rows<EpochMetrics> = {
  of: ({ epochs }) => epochs,
  unit: 'epoch',
  at: ({ epoch }) => epoch,
};

/** Of runs with `train.logEvery`. */
export const stepRows: Rows<StepMetrics> = {
  of: ({ steps }) => steps,
  unit: 'step',
  at: ({ runStep }) => runStep,
  most: 500,
};

/** Of each run the rows that stand where all of them have one. */
export function sharedRows<Row>(runs: readonly RunRecord[], { of, at }: Rows<Row>): readonly Row[][] {
  const places = runs.map((run) => new Set(of(run).map(at)));
  return runs.map((run) => of(run).filter((row) => places.every((there) => there.has(at(row)))));
}

/** Of more than so many only each `every`th, the first and the last. */
export function thinned<T>(
  all: readonly T[],
  most: number,
): { readonly kept: readonly T[]; readonly every: number } {
  const every = Math.max(1, Math.ceil(all.length / most));
  return { kept: all.filter((_, i) => (i + 1) % every === 0 || i === 0 || i === all.length - 1), every };
}
