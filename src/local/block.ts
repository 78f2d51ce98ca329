import type * as tf from '@tensorflow/tfjs';
import { z } from 'zod';
import { checkGiven } from '../core/given.js';
import { trainingMode } from '../engine/fused/ops.js';
import { networkSchema } from '../networks/forms.js';
import {
  readsImage,
  unitLayers,
  unitsForward,
  type Network,
  type Unit,
  type UnitInputs,
} from '../networks/network.js';
import { trainableVariables } from '../nn/layer.js';
import { detachedImages, type Batch } from './batch.js';
import { crossEntropy } from './axes/loss/cross-entropy.js';
import { unitRuns, type Cuts } from './partition/partition.js';
import type { Site } from './site.js';

/** A run of neighbouring units that no gradient enters or leaves. */
export interface Block {
  /** From 0. */
  readonly position: number;
  readonly units: readonly Unit[];
  /** Of all its units, their contexts included. */
  readonly variables: readonly tf.Variable[];
}

export function createBlock(position: number, units: readonly Unit[]): Block {
  return { position, units, variables: trainableVariables(units.flatMap(unitLayers)) };
}

/** Groups a network's units into the blocks that the cuts leave. */
export function cutIntoBlocks(network: Network, cuts: Cuts): readonly Block[] {
  const forms = { network: networkSchema, cuts: z.array(z.int().min(0)) };
  checkGiven('cutIntoBlocks', forms, { network, cuts });
  return unitRuns(network, cuts).map((units, position) => createBlock(position, units));
}

/**
 * Runs a block in training mode; units with a context read the batch's images, and inputs of units before.
 *
 * @param x the block's input, `[n, h, w, c]`
 * @param passes what its running statistics take this one for
 * @param inputs of units of earlier blocks, for contexts that read them; takes those of this block
 * @returns its features `[n, h', w', c']`, a new tensor
 * @throws UserError where a context reads an input that is not there
 */
export function blockForward(
  block: Block,
  x: tf.Tensor,
  batch: Batch,
  passes = 1,
  inputs?: UnitInputs,
): tf.Tensor4D {
  // Nobody asks for the images' gradient.
  const images = block.units.some(readsImage) ? detachedImages(batch) : undefined;
  try {
    return unitsForward(block.units, x, images, { ...trainingMode, passes }, inputs);
  } finally {
    images?.dispose();
  }
}

/** Where a block's auxiliary nets attach: its last unit. */
export function siteAfter(network: Network, block: Block, blocks: number): Site {
  const unit = block.units[block.units.length - 1]!;
  return { network, unit, features: unit.output, position: block.position, blocks };
}

/** The first unit of the block that follows, which a bridge is shaped like. */
export function nextUnit(blocks: readonly Block[], { position }: Block): Unit {
  return blocks[position + 1]!.units[0]!;
}

/** Behind a bridge the features are the next unit's kind: its width and size. */
export function siteBehindBridge(site: Site, blocks: readonly Block[], block: Block): Site {
  const unit = nextUnit(blocks, block);
  return { ...site, unit, features: unit.output };
}

/**
 * Runs the network's head on the last features, and compares its logits with the labels: the network's own loss.
 *
 * @param features of the last unit, `[n, h, w, c]`; not disposed here
 * @returns mean cross-entropy over the batch
 */
export function headLoss(network: Network, features: tf.Tensor, batch: Batch): tf.Scalar {
  return crossEntropy(network.head.forward(features, trainingMode) as tf.Tensor2D, batch.labels);
}
