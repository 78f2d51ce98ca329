import * as tf from '@tensorflow/tfjs';
import { detach } from '../../engine/detached.js';
import { evaluationMode, trainingMode } from '../../engine/fused/ops.js';
import { outsideTape } from '../../engine/tape.js';
import { UserError } from '../../errors.js';
import { unitsForward } from '../../networks/network.js';
import { trainableVariables, type Layer } from '../../nn/layer.js';
import { childScope } from '../../nn/parameters.js';
import type { Batch } from '../batch.js';
import {
  blockForward,
  createBlock,
  headLoss,
  nextUnit,
  siteAfter,
  siteBehindBridge,
  type Block,
} from '../block.js';
import type { Bridge } from '../bridge.js';
import { classifierOf } from '../classifier.js';
import type { LocalLoss } from '../local-loss.js';
import type { Objective } from '../objective.js';
import type { LocalUpdate, UpdateResult } from '../update.js';
import type { PathBuilder, PathParts } from './path.js';

export interface CascadeOptions {
  /** Weight of the loss of each block on its own (HPFF's wx). With 0 there are only pairs, as in its ImageNet code. */
  readonly independentWeight: number;
  /** Weight of the loss of each pair of neighbours (HPFF's wy). */
  readonly cascadeWeight: number;
  /** Loss of each block on its own, through an auxiliary net of its own. */
  readonly independentLoss: LocalLoss;
}

/**
 * HPFF's two-level path, HiLo (Su et al. 2024, §3.2). Each block b_i is trained as the second of a pair,
 * b_i(b_{i−1}(y)), whose gradient reaches the first of the pair too (the first pair's reaches the stem), and by itself
 * on what the pair before hands on. The first block has no loss of its own.
 *
 * The paper has two streams, x through the blocks on their own and y through the pairs. In training mode they carry
 * the same numbers, b_{i−1}(…b_0(stem)), so here there is one, `x`, and one map less in memory. The published code takes
 * one backward pass through the sum of a block's two losses. Here each is an update of its own, so that only one of
 * them holds activations; the variables they share are stepped on the summed gradient, which is the same.
 *
 * A bridge stands behind each pair, shaped like the unit that follows it; the blocks on their own have none.
 *
 * Building it throws a UserError where the pairs' weight is 0.
 */
export function cascadePath(options: CascadeOptions): PathBuilder {
  return (parts) => {
    if (options.cascadeWeight === 0) {
      throw new UserError(
        "path 'cascade' trains pairs of blocks: with cascadeWeight 0 the first would learn nothing; raise it, or use path 'independent'",
      );
    }
    const pairs = parts.blocks.slice(1).map((block) => pairUpdates(parts, options, block));
    return {
      updates: pairs.flatMap(({ updates }) => updates),
      auxiliary: pairs.flatMap(({ auxiliary }) => auxiliary),
    };
  };
}

interface Losses {
  readonly cascade: Objective;
  /** Undefined where blocks have no loss of their own. */
  readonly independent: Objective | undefined;
  readonly bridge: Bridge | undefined;
}

function pairUpdates(
  parts: PathParts,
  options: CascadeOptions,
  block: Block,
): { updates: readonly LocalUpdate[]; auxiliary: readonly Layer[] } {
  const { independentWeight, cascadeWeight } = options;
  const last = block.position === parts.blocks.length - 1;
  const losses = last ? sharedHead(parts, options) : auxiliaryNets(parts, block, options);
  const { cascade, independent, bridge } = losses;
  const { stem, first } = splitStem(parts, block.position - 1);

  const pair: LocalUpdate = {
    name: last ? 'head' : `cascade ${block.position}–${block.position + 1}`,
    variables: [
      ...(stem?.variables ?? []),
      ...first.variables,
      ...block.variables,
      ...trainableVariables([...cascade.layers, ...(bridge === undefined ? [] : [bridge.trained])]),
    ],
    forward({ x }, batch): UpdateResult {
      const start = stem === undefined ? x! : blockForward(stem, x!, batch);
      if (stem !== undefined && independent !== undefined) updateStatistics(first, start, batch);
      const middle = blockForward(first, start, batch);
      const output = blockForward(block, middle, batch);
      const features = bridge === undefined ? output : bridge.forward(output);
      const loss = tf.mul(cascade.loss(features, batch), cascadeWeight) as tf.Scalar;
      // Before the backward pass: what needs them has kept them.
      tf.dispose([features, output]);
      return { loss, streams: last && independent === undefined ? {} : { x: detach(middle) } };
    },
    ...(bridge === undefined ? {} : { after: () => bridge.after() }),
    ...classifierOf(block, cascade, bridge),
  };
  const bridges = bridge === undefined ? [] : [bridge.trained, bridge.averaged];
  const auxiliary = [...bridges, ...cascade.layers, ...(independent?.layers ?? [])];
  return {
    updates:
      independent === undefined ? [pair] : [pair, ownUpdate(block, independent, independentWeight, last)],
    // The last block's losses share the head, which is the network's own.
    auxiliary: last ? [] : auxiliary,
  };
}

/** A block by itself, on the input that it has in its pair. */
function ownUpdate(block: Block, objective: Objective, weight: number, last: boolean): LocalUpdate {
  return {
    name: `block ${block.position + 1}`,
    variables: [...block.variables, ...trainableVariables(objective.layers)],
    forward({ x }, batch) {
      const features = blockForward(block, x!, batch);
      const loss = tf.mul(objective.loss(features, batch), weight) as tf.Scalar;
      return { loss, streams: last ? {} : { x: x! } };
    },
    ...classifierOf(block, objective),
  };
}

/** b_0 by itself, which no loss follows: its running statistics learn from it all the same. */
function updateStatistics({ units }: Block, x: tf.Tensor, batch: Batch): void {
  outsideTape(() => tf.tidy(() => void unitsForward(units, x, batch.images, trainingMode)));
}

/** The stem counts as the start of the first pair, not of its first block, whose own pass it does not belong to. */
function splitStem({ blocks }: PathParts, position: number): { stem: Block | undefined; first: Block } {
  const first = blocks[position]!;
  if (position > 0) return { stem: undefined, first };
  const [stem, ...rest] = first.units;
  return { stem: createBlock(-1, [stem!]), first: createBlock(0, rest) };
}

function auxiliaryNets(
  { network, blocks, scope, objective, lossParts, bridge }: PathParts,
  block: Block,
  { independentWeight, independentLoss }: CascadeOptions,
): Losses {
  const site = siteAfter(network, block, blocks.length);
  const own = childScope(scope, block.position);
  const alone = independentLoss.build(lossParts);
  return {
    cascade: objective(own, bridge === undefined ? site : siteBehindBridge(site, blocks, block)),
    independent: independentWeight === 0 ? undefined : alone(childScope(own, 'independent'), site),
    bridge: bridge?.(own, nextUnit(blocks, block)),
  };
}

function sharedHead({ network }: PathParts, { independentWeight }: CascadeOptions): Losses {
  const head: Objective = {
    layers: [network.head],
    loss: (features, batch) => headLoss(network, features, batch),
    logits: (features) => network.head.forward(features, evaluationMode) as tf.Tensor2D,
  };
  return { cascade: head, independent: independentWeight === 0 ? undefined : head, bridge: undefined };
}
