import * as tf from '@tensorflow/tfjs';
import { z } from 'zod';
import { detach } from '../../../engine/detached.js';
import { evaluationMode } from '../../../engine/fused/ops.js';
import { fused } from '../../../engine/fused/registry.js';
import { record, type Recording } from '../../../engine/recording.js';
import { UserError } from '../../../core/errors.js';
import { trainableVariables, type Layer } from '../../../nn/layer.js';
import { childScope } from '../../../nn/parameters.js';
import type { Batch } from '../../batch.js';
import {
  blockForward,
  createBlock,
  headLoss,
  nextUnit,
  siteAfter,
  siteBehindBridge,
  type Block,
} from '../../block.js';
import type { Bridge } from '../bridge/bridge.js';
import { classifierOf } from '../../classifier.js';
import { computed, eagerly } from '../../eager.js';
import type { AttachedLoss, LocalLoss } from '../loss/loss.js';
import type { LocalUpdate, Streams, UpdateResult } from '../../update.js';
import type { PathBuilder, PathParts } from './path.js';

/** What HPFF's path weighs. */
export interface CascadeOptions {
  /** Weight of the loss of each block on its own (HPFF's wx). With 0 there are only pairs, as in its ImageNet code. */
  readonly independentWeight: number;
  /** Weight of the loss of each pair of neighbours (HPFF's wy). */
  readonly cascadeWeight: number;
  /** Loss of each block on its own, through an auxiliary net of its own. */
  readonly independentLoss: LocalLoss;
}

/** The weights as options. */
export const cascadeWeights = {
  /** Weight of each block's loss on its own (HPFF's wx). */
  independentWeight: z.number().min(0).default(0.001),
  /** Weight of each pair's loss (HPFF's wy). */
  cascadeWeight: z.number().min(0).default(0.999),
};

/**
 * HPFF's two-level path, HiLo (Su et al. 2024, §3.2). Each block b_i is trained as the second of a pair,
 * b_i(b_{i−1}(y)), whose gradient reaches the first of the pair too (the first pair's reaches the stem), and by itself
 * on what the pair before hands on. The first block has no loss of its own.
 *
 * The paper has two streams, x through the blocks on their own and y through the pairs, and so runs each block three
 * times. In training mode the streams carry the same numbers, and parameters change after all of a block's passes, so
 * here each block runs once, and its running statistics take that for the passes that it stands for. What the block
 * saved waits until all the gradients of its output are there: its own loss's, its pair's, and what comes back through
 * the second block of the next pair. Their sum then goes through it once. Only its pair's goes through it alone before
 * that, as far as its input, which is what reaches the block before.
 *
 * So `cascade i–j` changes block i, and the head or the last block's own update changes the last block. A unit that
 * draws random numbers draws once a step. Each update's loss is computed eagerly: one of them alone holds the
 * activations of its auxiliary nets.
 *
 * A bridge stands behind each pair, shaped like the unit that follows it; the blocks on their own have none.
 *
 * @throws UserError where the path is built with a weight of 0 for the pairs
 */
export function cascadePath(options: CascadeOptions): PathBuilder {
  return (parts) => {
    if (options.cascadeWeight === 0) {
      throw new UserError(
        "path 'cascade' trains pairs of blocks: with cascadeWeight 0 the first would learn nothing; raise it, or use path 'independent'",
      );
    }
    const waiting = waitingBlocks();
    const pairs = parts.blocks.slice(1).map((block) => pairUpdates(parts, options, block, waiting));
    return {
      updates: pairs.flatMap(({ updates }) => updates),
      auxiliary: pairs.flatMap(({ auxiliary }) => auxiliary),
    };
  };
}

/** A block that has run, and the gradient of its output as far as it is known. */
interface Ran {
  readonly recording: Recording;
  gradient?: tf.Tensor;
}

/** The blocks that have run and wait for the rest of their gradients, in their order: two while a pair's update runs. */
interface WaitingBlocks {
  add(recording: Recording): Ran;
  /** Adds to the gradient of a block's output, beyond the current scope. `part` is given up. */
  collect(ran: Ran, part: tf.Tensor): void;
  readonly all: readonly Ran[];
  /** The last backward pass of the block that has waited longest. */
  finish(variables: readonly tf.Variable[]): tf.Tensor[];
  release(): void;
}

function waitingBlocks(): WaitingBlocks {
  const all: Ran[] = [];
  return {
    all,
    add(recording) {
      const ran = { recording };
      all.push(ran);
      return ran;
    },
    collect(ran, part) {
      ran.gradient = tf.keep(ran.gradient === undefined ? part : fused().accumulate(ran.gradient, part));
    },
    finish(variables) {
      const { recording, gradient } = all.shift()!;
      return recording.finish(gradient!, variables);
    },
    release() {
      for (const { recording, gradient } of all.splice(0)) {
        recording.dispose();
        gradient?.dispose();
      }
    },
  };
}

interface Losses {
  readonly cascade: AttachedLoss;
  /** Undefined where blocks have no loss of their own. */
  readonly independent: AttachedLoss | undefined;
  readonly bridge: Bridge | undefined;
}

function pairUpdates(
  parts: PathParts,
  options: CascadeOptions,
  block: Block,
  waiting: WaitingBlocks,
): { updates: readonly LocalUpdate[]; auxiliary: readonly Layer[] } {
  const { independentWeight, cascadeWeight } = options;
  const last = block.position === parts.blocks.length - 1;
  const losses = last ? sharedHead(parts, options) : auxiliaryNets(parts, block, options);
  const { cascade, independent, bridge } = losses;
  const { stem, first } = splitStem(parts, block.position - 1);
  const reached = [...(stem?.variables ?? []), ...first.variables];
  const behind = trainableVariables([...cascade.layers, ...(bridge === undefined ? [] : [bridge.trained])]);
  // Without a loss of its own the last block has all its gradients here.
  const finished = last && independent === undefined ? block.variables : [];
  // As the second of its pair, the first of the next, and by itself.
  const passes = 1 + (last ? 0 : 1) + (independent === undefined ? 0 : 1);
  const pairLoss = (output: tf.Tensor4D, batch: Batch): tf.Scalar => {
    const features = bridge === undefined ? output : bridge.forward(output);
    if (features !== output) output.dispose();
    return tf.mul(cascade.loss(features, batch), cascadeWeight) as tf.Scalar;
  };

  const pair: LocalUpdate = {
    name: last ? 'head' : `cascade ${block.position}–${block.position + 1}`,
    variables: [...reached, ...finished, ...behind],
    ...(finished.length > 0 ? {} : { through: block.variables }),
    forward({ x }, batch): UpdateResult {
      let streams: Streams = {};
      const loss = eagerly(pair.variables, () => {
        const middle =
          stem === undefined ? x! : runStart(waiting, [stem, first], x!, batch, independent !== undefined);
        const { output, recording } = record(middle, (input) => blockForward(block, input, batch, passes));
        const [before] = waiting.all as [Ran];
        const own = waiting.add(recording);
        if (stem !== undefined) middle.dispose();
        const term = computed(output.clone(), behind, (features) => pairLoss(features as tf.Tensor4D, batch));
        before.gradient = tf.keep(recording.inputGradient(term.gradient, before.gradient));
        waiting.collect(own, term.gradient);
        const gradients = [
          ...waiting.finish(reached),
          ...(finished.length > 0 ? waiting.finish(finished) : []),
        ];
        // Kept beyond the scope, so only when nothing can fail any more.
        if (!last || independent !== undefined) streams = { x: detach(output) };
        return { value: term.value, gradients: [...gradients, ...term.variableGradients] };
      });
      return { loss, streams };
    },
    ...(bridge === undefined ? {} : { after: () => bridge.after() }),
    release: () => waiting.release(),
    ...classifierOf(block, cascade, bridge),
  };
  const bridges = bridge === undefined ? [] : [bridge.trained, bridge.averaged];
  const auxiliary = [...bridges, ...cascade.layers, ...(independent?.layers ?? [])];
  return {
    updates:
      independent === undefined
        ? [pair]
        : [pair, ownUpdate(block, independent, independentWeight, last, waiting)],
    // The last block's losses share the head, which is the network's own.
    auxiliary: last ? [] : auxiliary,
  };
}

/** b_0, behind the stem. No loss of its own follows it, but where the other blocks have one it runs by itself too. */
function runStart(
  waiting: WaitingBlocks,
  [stem, first]: readonly [Block, Block],
  x: tf.Tensor,
  batch: Batch,
  alone: boolean,
): tf.Tensor {
  waiting.release();
  const { output, recording } = record(x, (images) => {
    const start = blockForward(stem, images, batch);
    const output = blockForward(first, start, batch, alone ? 2 : 1);
    start.dispose();
    return output;
  });
  waiting.add(recording);
  return output;
}

/** A block by itself, on the output that it has in its pair. */
function ownUpdate(
  block: Block,
  attached: AttachedLoss,
  weight: number,
  last: boolean,
  waiting: WaitingBlocks,
): LocalUpdate {
  const nets = trainableVariables(attached.layers);
  const update: LocalUpdate = {
    name: `block ${block.position + 1}`,
    variables: [...(last ? block.variables : []), ...nets],
    ...(last ? {} : { through: block.variables }),
    forward({ x }, batch) {
      const loss = eagerly(update.variables, () => {
        const term = computed(
          x!.clone(),
          nets,
          (features) => tf.mul(attached.loss(features as tf.Tensor4D, batch), weight) as tf.Scalar,
        );
        waiting.collect(waiting.all[0]!, term.gradient);
        const own = last ? waiting.finish(block.variables) : [];
        return { value: term.value, gradients: [...own, ...term.variableGradients] };
      });
      return { loss, streams: last ? {} : { x: x! } };
    },
    ...classifierOf(block, attached),
  };
  return update;
}

/** The stem counts as the start of the first pair, not of its first block, whose own pass it does not belong to. */
function splitStem({ blocks }: PathParts, position: number): { stem: Block | undefined; first: Block } {
  const first = blocks[position]!;
  if (position > 0) return { stem: undefined, first };
  const [stem, ...rest] = first.units;
  return { stem: createBlock(-1, [stem!]), first: createBlock(0, rest) };
}

function auxiliaryNets(
  { network, blocks, scope, loss, lossParts, bridge }: PathParts,
  block: Block,
  { independentWeight, independentLoss }: CascadeOptions,
): Losses {
  const site = siteAfter(network, block, blocks.length);
  const own = childScope(scope, block.position);
  return {
    cascade: loss.attach(own, bridge === undefined ? site : siteBehindBridge(site, blocks, block), lossParts),
    independent:
      independentWeight === 0
        ? undefined
        : independentLoss.attach(childScope(own, 'independent'), site, lossParts),
    bridge: bridge?.(own, nextUnit(blocks, block)),
  };
}

function sharedHead({ network }: PathParts, { independentWeight }: CascadeOptions): Losses {
  const head: AttachedLoss = {
    layers: [network.head],
    loss: (features, batch) => headLoss(network, features, batch),
    logits: (features) => network.head.forward(features, evaluationMode) as tf.Tensor2D,
  };
  return { cascade: head, independent: independentWeight === 0 ? undefined : head, bridge: undefined };
}
