import { parseCheckpointName } from '../formats/checkpoint-names.js';
import { readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Config } from '../config/config.js';
import { refuseOtherState as refuseOtherFile, type StartState } from '../config/start-state.js';
import { messageOf, UserError } from '../core/errors.js';
import { visible } from '../core/visible.js';
import { isAverage, type TrainState } from '../train/state.js';
import { readCheckpoint } from './checkpoint/file.js';

/**
 * The state that a run begins with as its config says: another run's weights, nets beside the network, what the
 * optimiser keeps, and averages where these are to be kept. Its epochs are not this run's, which begin with the first.
 *
 * @param withAverages whether averages of the weights are kept; default: as the config says
 * @returns undefined where the config says nothing: fresh weights
 * @throws UserError if the checkpoint is not the one recorded, or damaged
 */
export function startState(
  { init, ema }: Config['train'],
  withAverages = ema !== undefined,
): TrainState | undefined {
  if (init === undefined) return undefined;
  const { tensors, counters } = readState(init);
  const averaged = [...tensors.keys()].some(isAverage);
  if (withAverages && !averaged) {
    throw new UserError(
      visible(`train.init: ${init.from}: that run kept no averages of its weights: leave out train.ema`),
    );
  }
  const wanted = [...tensors].filter(([name]) => withAverages || !isAverage(name));
  return { epochs: [], tensors: new Map(wanted), counters };
}

function readState(init: StartState): TrainState {
  const { from } = init;
  const position = parseCheckpointName(basename(from));
  if (position === undefined) {
    throw new UserError(
      visible(
        `train.init: ${from}: must be a run's folder or one of its checkpoints, such as checkpoints/epoch-2.json; weights alone go into network: { weights: … }`,
      ),
    );
  }
  try {
    refuseOtherFile(init, readFileSync(from));
    return readCheckpoint(dirname(from), position).state;
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(visible(`train.init: cannot read the training state: ${messageOf(error)}`));
  }
}

/** Says of what is refused that it is the state to begin with, and what else could be done. */
export function ofStartState(error: unknown, { init }: Config['train']): unknown {
  if (init === undefined || !(error instanceof UserError)) return error;
  return new UserError(
    visible(
      `train.init: ${init.from}: ${error.message}; network: { weights: … } takes a run's network without the rest`,
    ),
    { cause: error },
  );
}
