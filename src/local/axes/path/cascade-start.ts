import type * as tf from '@tensorflow/tfjs';
import { record } from '../../../engine/recording.js';
import type { Batch } from '../../batch.js';
import { blockForward, createBlock, type Block } from '../../block.js';
import type { WaitingBlocks } from './waiting.js';

/** Runs the blocks that no cascade ends with, the first behind the stem, which runs once. */
export function runStart(
  waiting: WaitingBlocks,
  blocks: readonly Block[],
  images: tf.Tensor,
  batch: Batch,
  passesOf: (block: Block) => number,
): tf.Tensor {
  waiting.release();
  let current = images;
  for (const block of blocks) {
    const { output, recording } = record(current, (x) =>
      block.position > 0
        ? blockForward(block, x, batch, passesOf(block))
        : behindStem(block, x, batch, passesOf(block)),
    );
    waiting.add(recording);
    if (current !== images) current.dispose();
    current = output;
  }
  return current;
}

function behindStem({ units: [stem, ...rest] }: Block, images: tf.Tensor, batch: Batch, passes: number) {
  const start = blockForward(createBlock(-1, [stem!]), images, batch);
  const output = blockForward(createBlock(0, rest), start, batch, passes);
  start.dispose();
  return output;
}
