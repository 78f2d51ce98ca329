import { join } from 'node:path';
import { existsSync } from 'node:fs';
import type { Config } from '../config/config.js';
import { configDocument } from '../config/config.js';
import { configDifferences } from '../config/differences.js';
import type { Registry } from '../config/registry.js';
import { UserError } from '../core/errors.js';
import { plural } from '../core/text.js';
import { hasStalled } from '../train/early-stopping.js';
import type { EpochMetrics } from '../train/events.js';
import { learningRateAt, type ScheduleOptions } from '../train/schedule.js';
import { readMetrics } from './metrics.js';

/** A config of one run, whatever else it has. */
type OfRun = Omit<Config, 'methods' | 'baselines'>;

/** Where a run stands. */
interface Standing {
  /** The epochs that are finished. */
  readonly done: readonly EpochMetrics[];
  /** Whether there is more of the next one. */
  readonly partial?: boolean;
  /** Those that its config can name. */
  readonly schedules: Registry['schedules'];
}

/** How ranks share the work, which may be others, or none, from one part of a run to the next. */
const sharing = /^parallel(\.(blocks|data|queue|cuts))?: /;

/** Places of an epoch at which two schedules are set against each other. */
const looks = 16;

/**
 * Refuses to go on with a run with another config. Ranks may share it in another way, and one key may be another:
 * `train.epochs`, where the epochs that are
 * done had the learning rates that they would have had, so that the run is the one which had that many from the start.
 *
 * @throws UserError with a line for each key in which it differs, or why it cannot have so many epochs
 */
export function refuseOtherRun(
  what: string,
  there: OfRun,
  here: OfRun,
  { done, partial = false, schedules }: Standing,
): void {
  const differences = configDifferences(configDocument(there), configDocument(here)).filter(
    (line) => !sharing.test(line),
  );
  const { epochs } = here.train;
  const other = differences.filter((line) => !line.startsWith('train.epochs: '));
  if (other.length > 0) {
    const keys = differences.length === 1 ? 'this key differs' : 'these keys differ';
    throw new UserError(
      [`${what} is of another config and cannot go on with this one; ${keys}:`, ...differences].join('\n'),
    );
  }
  const before = there.train.epochs;
  if (epochs === before) return;
  const asked = `${what}: train.epochs: ${before} there, ${epochs} here:`;
  if (epochs < done.length + (partial ? 1 : 0)) {
    throw new UserError(
      `${asked} ${plural(done.length, 'epoch')}${partial ? ' and more' : ''} of it are done`,
    );
  }
  if (hasStalled(done, here.train.earlyStopping)) {
    throw new UserError(
      `${asked} it was stopped after epoch ${done.length}, as train.earlyStopping says, and would be again`,
    );
  }
  const epoch = otherRate(
    { ...there.train, schedules },
    { ...here.train, schedules },
    done.length + (partial ? 1 : 0),
  );
  if (epoch === undefined) return;
  const { schedule } = here.train;
  const name = typeof schedule === 'string' ? schedule : schedule.name;
  throw new UserError(
    `${asked} the learning rates of the schedule "${name}" depend on the number of epochs, and those of epoch ${epoch} would have been others: begin a run of its own where this one ended, with a schedule of its own: --set train.init=FOLDER`,
  );
}

/** The first of so many epochs that has another learning rate somewhere. */
function otherRate(there: ScheduleOptions, here: ScheduleOptions, epochs: number): number | undefined {
  for (let epoch = 1; epoch <= epochs; epoch++) {
    for (let step = 0; step < looks; step++) {
      const moment = { epoch, step, steps: looks };
      if (learningRateAt(moment, there) !== learningRateAt(moment, here)) return epoch;
    }
  }
  return undefined;
}

/** Whether a run is asked for more epochs than it was trained for. */
export const isLonger = (there: OfRun, here: OfRun): boolean => here.train.epochs > there.train.epochs;

/** The finished epochs of a run folder. */
export function epochsDone(folder: string): readonly EpochMetrics[] {
  const path = join(folder, 'metrics.csv');
  return existsSync(path) ? readMetrics(path) : [];
}
