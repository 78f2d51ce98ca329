import { closeSync, existsSync, fsyncSync, openSync, readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import { csvText } from '../core/csv-text.js';
import { messageOf, UserError } from '../core/errors.js';
import { writeFileAtomic, writeFully } from '../core/files.js';
import { ownEntry } from '../core/own-entry.js';
import type { StepMetrics } from '../train/events.js';
import type { TrainState } from '../train/state.js';

/** What every row has, in order; `loss:<update>` follow. */
const fields = ['epoch', 'step', 'runStep', 'learningRate', 'imagesPerSecond'] as const;
const lossPrefix = 'loss:';

/** A run's `steps.csv`, while it is trained. */
export interface StepFile {
  readonly path: string;
  /** The rows that were there, up to where the run goes on. */
  readonly earlier: readonly StepMetrics[];
  write(metrics: StepMetrics): void;
  close(): void;
}

/** Where a run goes on: what a file of steps has to end with. */
type Place = Pick<TrainState, 'epochs' | 'partial'> | undefined;

/**
 * Opens a file of steps. Rows of steps that are going to be done again, as those after the checkpoint of a run that was
 * killed, are taken out first.
 *
 * @param updates their names, in order
 * @throws UserError if the file that is there is none of such a run
 */
export function openStepFile(path: string, updates: readonly string[], from: Place): StepFile {
  const [done, steps] = [from?.epochs.length ?? 0, from?.partial?.steps ?? 0];
  const there = from !== undefined && existsSync(path) ? readSteps(path) : [];
  const earlier = there.filter(({ epoch, step }) => epoch <= done || (epoch === done + 1 && step <= steps));
  const header = [...fields, ...updates.map((name) => lossPrefix + name)];
  const row = (metrics: StepMetrics): (string | number)[] => [
    ...fields.map((field) => metrics[field]),
    ...updates.map((name) => ownEntry(metrics.updateLosses, name) ?? Number.NaN),
  ];
  writeFileAtomic(path, csvText([header, ...earlier.map(row)]));
  const file = openSync(path, 'a');
  return {
    path,
    earlier,
    write: (metrics) => writeFully(file, Buffer.from(csvText([row(metrics)]))),
    close() {
      fsyncSync(file);
      closeSync(file);
    },
  };
}

/**
 * Reads a `steps.csv` back. A last line that a kill broke off is passed over.
 *
 * @returns its rows
 * @throws UserError that names the file and the row if it can't be read or is none
 */
export function readSteps(path: string): StepMetrics[] {
  let table: string[][];
  try {
    const text = readFileSync(path, 'utf8');
    table = parse(text.slice(0, text.lastIndexOf('\n') + 1));
  } catch (error) {
    throw new UserError(`${path}: cannot read the steps: ${messageOf(error)}`);
  }
  const [header = [], ...rows] = table;
  const odd = fields.find((field, i) => header[i] !== field);
  if (odd !== undefined) throw new UserError(`${path}: not a file of steps: the column "${odd}" is missing`);
  if (
    !header.slice(fields.length).every((name) => name.startsWith(lossPrefix)) ||
    header.length === fields.length
  ) {
    throw new UserError(
      `${path}: not a file of steps: behind "${fields.at(-1)}" must be columns "${lossPrefix}…"`,
    );
  }
  return rows.map((cells, i) => {
    const numbers = cells.map(Number);
    const bad = numbers.findIndex((value, k) => cells[k]!.trim() === '' || !Number.isFinite(value));
    if (bad >= 0) {
      throw new UserError(
        `${path}: row ${i + 1}: "${cells[bad]}" is not a number for the column "${header[bad]}"`,
      );
    }
    const [epoch, step, runStep, learningRate, imagesPerSecond, ...losses] = numbers;
    const names = header.slice(fields.length).map((column) => column.slice(lossPrefix.length));
    return {
      ...{ epoch: epoch!, step: step!, runStep: runStep! },
      ...{ learningRate: learningRate!, imagesPerSecond: imagesPerSecond! },
      updateLosses: Object.fromEntries(names.map((name, k) => [name, losses[k]!])),
    };
  });
}
