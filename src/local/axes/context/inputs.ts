import type * as tf from '@tensorflow/tfjs';
import { detach } from '../../../engine/detached.js';
import { evaluationMode } from '../../../engine/fused/ops.js';
import {
  inputsRead,
  runUnits,
  type Unit,
  type UnitInputs,
  type VisitUnit,
} from '../../../networks/network.js';
import { blockForward, type Block } from '../../block.js';
import type { Batch } from '../../batch.js';
import type { Streams } from '../../update.js';

/** No stream of another kind is called so, whatever units are. */
const prefix = 'input of ';

/** What a block makes of its streams. */
export interface SuppliedPass {
  readonly output: tf.Tensor4D;
  /** Of the inputs that contexts read, those that a later block reads too, detached: streams to hand on. */
  readonly inputs: Streams;
}

/**
 * Runs a block in training mode as `blockForward` does, where contexts may read inputs of blocks before (ContSup).
 * Inputs are streams as long as a later block reads them.
 *
 * @param later the blocks that follow
 */
export function suppliedForward(
  block: Block,
  later: readonly Block[],
  { x, ...streams }: Streams,
  batch: Batch,
): SuppliedPass {
  const inputs = inputsIn(streams);
  const output = blockForward(block, x!, batch, 1, inputs);
  const units = later.flatMap((each) => each.units);
  return { output, inputs: handedOn(inputs, streams, units) };
}

/**
 * Runs some of a network's units in evaluation mode, as `suppliedForward` does a block in training mode.
 *
 * @param later the units that follow
 * @param images normalised; not needed where no context of the units reads them
 * @param visit as of `visitUnits`
 */
export function suppliedEvaluation(
  units: readonly Unit[],
  later: readonly Unit[],
  { x, ...streams }: Streams,
  images: tf.Tensor4D | undefined,
  visit: VisitUnit,
): SuppliedPass {
  const inputs = inputsIn(streams);
  const output = runUnits(units, x!, images, evaluationMode, inputs, visit);
  return { output, inputs: handedOn(inputs, streams, later) };
}

function inputsIn(streams: Streams): UnitInputs {
  return new Map(Object.entries(streams).map(([name, input]) => [name.slice(prefix.length), input]));
}

function handedOn(inputs: UnitInputs, streams: Streams, later: readonly Unit[]): Streams {
  const wanted = new Set(later.flatMap(inputsRead));
  const kept = [...inputs].flatMap(([name, input]) => {
    const stream = prefix + name;
    const own = streams[stream] === undefined;
    const handed = !wanted.has(name) ? [] : [[stream, own ? detach(input) : input] as const];
    // Before the backward pass: what needs it has kept it.
    if (own) input.dispose();
    return handed;
  });
  return Object.fromEntries(kept);
}
