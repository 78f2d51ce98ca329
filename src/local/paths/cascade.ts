import * as tf from '@tensorflow/tfjs';
import { detach } from '../../engine/detached.js';
import { trainingMode } from '../../engine/fused/ops.js';
import { outsideTape } from '../../engine/tape.js';
import { forwardThrough, trainableVariables, type Layer } from '../../nn/layer.js';
import { childScope } from '../../nn/parameters.js';
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
import { labels, type LabelLoss } from '../local-loss.js';
import type { Objective } from '../objective.js';
import type { LocalUpdate, UpdateResult } from '../update.js';
import type { PathBuilder, PathParts } from './path.js';

export interface CascadeOptions {
  /** Weight of the loss of each block on its own (HPFF's wx). */
  readonly independentWeight: number;
  /** Weight of the loss of each pair of neighbours (HPFF's wy). */
  readonly cascadeWeight: number;
  /** Loss of each block on its own, through an auxiliary net of its own. */
  readonly independentLoss: LabelLoss;
  /** Width of the features that a contrast compares. */
  readonly featureWidth?: number;
}

/**
 * HPFF's two-level path, HiLo (Su et al. 2024, §3.2). Two streams leave the stem. Each block b_i is trained by itself
 * on x, and as the second of a pair, b_i(b_{i−1}(y)), on y, whose gradient reaches the first of the pair too; the
 * first pair's reaches the stem. The first block has no loss of its own.
 *
 * The published code takes one backward pass through the sum of a block's two losses. Here each is an update of its
 * own, so that only one of them holds activations; the variables they share are stepped on the summed gradient, which
 * is the same.
 *
 * A bridge stands behind each pair, shaped like the unit that follows it; the blocks on their own have none.
 */
export function cascadePath(options: CascadeOptions): PathBuilder {
  return (parts) => {
    const pairs = parts.blocks.slice(1).map((block) => pairUpdates(parts, options, block));
    return {
      updates: pairs.flatMap(({ updates }) => updates),
      auxiliary: pairs.flatMap(({ auxiliary }) => auxiliary),
    };
  };
}

interface Losses {
  readonly cascade: Objective;
  readonly independent: Objective;
  readonly bridge: Bridge | undefined;
}

function pairUpdates(
  parts: PathParts,
  options: CascadeOptions,
  block: Block,
): { updates: readonly LocalUpdate[]; auxiliary: readonly Layer[] } {
  const { independentWeight, cascadeWeight } = options;
  const last = block.position === parts.blocks.length - 1;
  const { cascade, independent, bridge } = last ? sharedHead(parts) : auxiliaryNets(parts, block, options);
  const { stem, first } = splitStem(parts, block.position - 1);
  const entry = `${block.position}–${block.position + 1}`;

  const updates: LocalUpdate[] = [
    {
      name: last ? 'head' : `cascade ${entry}`,
      variables: [
        ...(stem?.variables ?? []),
        ...first.variables,
        ...block.variables,
        ...trainableVariables([...cascade.layers, ...(bridge === undefined ? [] : [bridge.trained])]),
      ],
      forward({ x, y }, batch): UpdateResult {
        const start = stem === undefined ? y! : blockForward(stem, x!);
        const independentInput = stem === undefined ? x! : firstBlockAlone(first, start);
        const middle = blockForward(first, start);
        const output = blockForward(block, middle);
        const features = bridge === undefined ? output : bridge.forward(output);
        const loss = tf.mul(cascade.loss(features, batch), cascadeWeight) as tf.Scalar;
        return { loss, streams: { x: independentInput, ...(last ? {} : { y: detach(middle) }) } };
      },
      ...(bridge === undefined ? {} : { after: () => bridge.after() }),
    },
    {
      name: `block ${block.position + 1}`,
      variables: [...block.variables, ...trainableVariables(independent.layers)],
      forward({ x, y }, batch): UpdateResult {
        const features = blockForward(block, x!);
        const loss = tf.mul(independent.loss(features, batch), independentWeight) as tf.Scalar;
        return { loss, streams: last ? {} : { x: detach(features), y: y! } };
      },
    },
  ];
  // The last block's two losses share the head, which is the network's own.
  if (last) return { updates, auxiliary: [] };
  const bridges = bridge === undefined ? [] : [bridge.trained, bridge.averaged];
  return { updates, auxiliary: [...bridges, ...cascade.layers, ...independent.layers] };
}

/** b_0(x), which no loss follows: only its running statistics learn from it. */
function firstBlockAlone(block: Block, x: tf.Tensor): tf.Tensor {
  return outsideTape(() => detach(tf.tidy(() => forwardThrough(block.layers, x, trainingMode))));
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
  { independentLoss, featureWidth }: CascadeOptions,
): Losses {
  const site = siteAfter(network, block, blocks.length);
  const own = childScope(scope, block.position);
  const alone = labels(independentLoss, featureWidth).build(lossParts);
  return {
    cascade: objective(own, bridge === undefined ? site : siteBehindBridge(site, blocks, block)),
    independent: alone(childScope(own, 'independent'), site),
    bridge: bridge?.(own, nextUnit(blocks, block)),
  };
}

function sharedHead({ network }: PathParts): Losses {
  const head: Objective = {
    layers: [network.head],
    loss: (features, batch) => headLoss(network, features, batch),
  };
  return { cascade: head, independent: head, bridge: undefined };
}
