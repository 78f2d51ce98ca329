import type * as tf from '@tensorflow/tfjs';
import { detach } from '../../../engine/detached.js';
import { inputsRead, type UnitInputs } from '../../../networks/network.js';
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
  const inputs: UnitInputs = new Map(
    Object.entries(streams).map(([name, input]) => [name.slice(prefix.length), input]),
  );
  const output = blockForward(block, x!, batch, 1, inputs);
  const wanted = new Set(later.flatMap(({ units }) => units.flatMap(inputsRead)));
  const handedOn = [...inputs].flatMap(([name, input]) => {
    const stream = prefix + name;
    const own = streams[stream] === undefined;
    const kept = !wanted.has(name) ? [] : [[stream, own ? detach(input) : input] as const];
    // Before the backward pass: what needs it has kept it.
    if (own) input.dispose();
    return kept;
  });
  return { output, inputs: Object.fromEntries(handedOn) };
}
