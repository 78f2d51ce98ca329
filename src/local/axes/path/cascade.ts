import tf = require('@tensorflow/tfjs');
import { z } from 'zod';
import { detach } from '../../../engine/detached.js';
import { evaluationMode } from '../../../engine/fused/ops.js';
import { record } from '../../../engine/recording.js';
import { UserError } from '../../../core/errors.js';
import { trainableVariables, type Layer } from '../../../nn/layer.js';
import { childScope, type Scope } from '../../../nn/parameters.js';
import type { Unit } from '../../../networks/network.js';
import type { Batch } from '../../batch.js';
import { blockForward, headLoss, nextUnit, siteAfter, siteBehindBridge, type Block } from '../../block.js';
import type { Bridge } from '../bridge/bridge.js';
import { classifierOf } from '../../classifier.js';
import { computed, eagerly } from '../../eager.js';
import type { AttachedLoss, LocalLoss } from '../loss/loss.js';
import type { Apart, LocalUpdate, Streams, UpdateResult } from '../../update.js';
import type { PathBuilder, PathParts } from './path.js';
import { runStart } from './cascade-start.js';
import { waitingBlocks, type WaitingBlocks } from './waiting.js';

/** What a path of cascades weighs, and how long they are. */
export interface CascadeOptions {
  /** How many neighbouring blocks a cascade joins; 2 if not given (HPFF), 3 in MLAAN's ImageNet code. */
  readonly length?: number;
  /** Weight of the loss of each block on its own (wx). With 0 there are only cascades, as in HPFF's ImageNet code. */
  readonly independentWeight: number;
  /** Weight of the loss of each cascade (wy). */
  readonly cascadeWeight: number;
  /** Loss of each block on its own, through an auxiliary net of its own. */
  readonly independentLoss: LocalLoss;
  /**
   * What the last block minimises: both losses with these weights, if not given; or its cascade's alone, not weighted, as
   * in MLAAN's CIFAR code, where it runs by itself too, for its running statistics.
   */
  readonly headLoss?: 'both' | 'cascade';
  /** What stands behind each cascade in place of the strategy's bridge. */
  readonly augmentation?: (scope: Scope, block: Block) => CascadeBridge;
}

/** What stands between a cascade and its auxiliary nets, where that is no bridge to the next unit: MLAAN's chains. */
export interface CascadeBridge {
  readonly bridge: Bridge;
  /** The kind of unit whose output it makes. */
  readonly unit: Unit;
  /** Variables that its `after` reads. */
  readonly follows: readonly tf.Variable[];
}

/** The weights as options. */
export const cascadeWeights = {
  /** Weight of each block's loss on its own (wx). */
  independentWeight: z.number().min(0).default(0.001),
  /** Weight of each cascade's loss (wy). */
  cascadeWeight: z.number().min(0).default(0.999),
};

/**
 * HPFF's two-level path, HiLo (Su et al. 2024, §3.2), which MLAAN (Zhang et al. 2025) has too, with cascades of any
 * length L: two blocks in HPFF and in MLAAN's CIFAR code, three in MLAAN's ImageNet code. Each block b_i is trained as
 * the last of a cascade, b_i(… b_{i−L+1}(y)), whose gradient reaches the others of it too (the first cascade's reaches
 * the stem), and by itself on what the block before hands on. The first L − 1 blocks have no loss of their own.
 *
 * The papers have two streams, x through the blocks on their own and y through the cascades, and so run each block L + 1
 * times. In training mode the streams carry the same numbers, and parameters change after all of a block's passes, so
 * here each block runs once, and its running statistics take that for the passes that it stands for: one by itself (for
 * the first L − 1 even where there are only cascades) and one in each cascade that it is part of. What the block saved
 * waits until all the gradients of its output are there: its own loss's, its cascade's, and what comes back through the
 * cascades of the blocks that follow. Their sum then goes through it once. Before that a cascade's goes through its
 * blocks alone, as far as the output of its first one.
 *
 * So `cascade i–j` changes block i, and the head or the last block's own update changes the last block. A unit that
 * draws random numbers draws once a step. Each update's loss is computed eagerly: one of them alone holds the
 * activations of its auxiliary nets.
 *
 * A bridge stands behind each cascade, shaped like the unit that follows it; the blocks on their own have none.
 *
 * @throws UserError where the path is built with a weight of 0 for the cascades, or with fewer blocks than one needs
 */
export function cascadePath(options: CascadeOptions): PathBuilder {
  return (parts) => {
    const { length = 2, cascadeWeight } = options;
    const { blocks } = parts;
    if (cascadeWeight === 0) {
      throw new UserError(
        "path 'cascade' trains cascades of blocks: with cascadeWeight 0 the first would learn nothing; raise it, or use path 'independent'",
      );
    }
    if (length < 2) throw new UserError(`path 'cascade': length ${length}; a cascade joins 2 blocks or more`);
    if (blocks.length < length) {
      const { name, units } = parts.network;
      const more =
        units.length < length
          ? `${name} has no more than ${units.length} units: `
          : `ask for at least ${length} blocks, of the ${units.length} units of ${name}, or `;
      throw new UserError(
        `path 'cascade' joins ${length} blocks, and there are ${blocks.length}; ${more}take shorter cascades`,
      );
    }
    const waiting = waitingBlocks();
    const cascades = blocks
      .slice(length - 1)
      .map((last) => cascadeUpdates(parts, { ...options, length }, last, waiting));
    return {
      updates: cascades.flatMap(({ updates }) => updates),
      auxiliary: cascades.flatMap(({ auxiliary }) => auxiliary),
    };
  };
}

type Options = CascadeOptions & { readonly length: number };

interface Losses {
  readonly cascade: AttachedLoss;
  /** Undefined where the block has no loss of its own. */
  readonly independent: AttachedLoss | undefined;
  readonly bridge: Bridge | undefined;
  readonly follows: readonly tf.Variable[] | undefined;
}

/** The training of the cascade that ends with this block, and of the block by itself. */
function cascadeUpdates(
  parts: PathParts,
  options: Options,
  block: Block,
  waiting: WaitingBlocks,
): { updates: readonly LocalUpdate[]; auxiliary: readonly Layer[] } {
  const { blocks } = parts;
  const { length } = options;
  const last = block.position === blocks.length - 1;
  const cascadeWeight = last && options.headLoss === 'cascade' ? 1 : options.cascadeWeight;
  const losses = last ? sharedHead(parts, options) : auxiliaryNets(parts, block, options);
  const { cascade, independent, bridge, follows } = losses;
  const members = blocks.slice(block.position - length + 1, block.position + 1);
  // The stem counts as the start of the first cascade, not of its first block, whose own pass it does not belong to.
  const starts = members[0]!.position === 0;
  const passesOf = ({ position }: Block): number => passes(position, blocks.length, options);
  // Nothing comes after the last cascade but the last block's own loss, if it has one.
  const finishing = !last ? members.slice(0, 1) : independent === undefined ? members : members.slice(0, -1);
  const through = members.slice(finishing.length).flatMap(({ variables }) => variables);
  const behind = trainableVariables([...cascade.layers, ...(bridge === undefined ? [] : [bridge.trained])]);
  const loss = (output: tf.Tensor4D, batch: Batch): tf.Scalar => {
    const features = bridge === undefined ? output : bridge.forward(output);
    if (features !== output) output.dispose();
    return tf.mul(cascade.loss(features, batch), cascadeWeight) as tf.Scalar;
  };

  /** @param lent whether the block before has run in another process */
  const make = (lent: boolean): LocalUpdate => {
    const finished = lent ? finishing.slice(1) : finishing;
    const update: LocalUpdate = {
      name: last ? 'head' : `cascade ${members[0]!.position + 1}–${block.position + 1}`,
      variables: [...finished.flatMap(({ variables }) => variables), ...behind],
      ...(through.length === 0 ? {} : { through }),
      ...(follows === undefined ? {} : { follows }),
      forward(given, batch): UpdateResult {
        const { x } = given;
        let streams: Streams = {};
        const value = eagerly(update.variables, () => {
          if (lent) waiting.borrow(given['gradient']!);
          const before = starts ? runStart(waiting, members.slice(0, -1), x!, batch, passesOf) : x!;
          const { output, recording } = record(before, (input) =>
            blockForward(block, input, batch, passesOf(block)),
          );
          waiting.add(recording);
          if (starts) before.dispose();
          const term = computed(output.clone(), behind, (features) => loss(features as tf.Tensor4D, batch));
          waiting.passBack(term.gradient);
          if (lent) streams = { back: waiting.giveBack() };
          const gradients = finished.flatMap(({ variables }) => waiting.finish(variables));
          // Kept beyond the scope, so only when nothing can fail any more.
          if (!last || independent !== undefined) streams = { ...streams, x: detach(output) };
          return { value: term.value, gradients: [...gradients, ...term.variableGradients] };
        });
        return { loss: value, streams };
      },
      ...(bridge === undefined ? {} : { after: () => bridge.after() }),
      release: () => waiting.release(),
      ...classifierOf(block, cascade, bridge),
    };
    return update;
  };
  const bridges = bridge === undefined ? [] : [bridge.trained, bridge.averaged];
  // The last block's losses share the head, which is the network's own.
  const nets = last ? [] : [...bridges, ...cascade.layers];
  // Longer ones go back through two blocks and more, which may be on the other side of a cut.
  const apart: Apart | undefined =
    length > 2
      ? undefined
      : {
          ...{ block: block.position, nets, images: !last && parts.loss.reconstructs },
          ...(starts
            ? {}
            : { across: { below: finishing[0]!.variables, lend: () => waiting.lend(), above: make(true) } }),
        };
  const update: LocalUpdate = { ...make(false), ...(apart && { apart }) };
  return {
    updates:
      independent === undefined ? [update] : [update, ownUpdate(block, independent, parts, options, waiting)],
    auxiliary: last ? [] : [...nets, ...(independent?.layers ?? [])],
  };
}

/** How often a block runs in a step of the published code. */
function passes(position: number, blocks: number, { length, independentWeight }: Options): number {
  const firstEnd = Math.max(position, length - 1);
  const lastEnd = Math.min(position + length - 1, blocks - 1);
  const alone = independentWeight > 0 || position < length - 1;
  return (alone ? 1 : 0) + lastEnd - firstEnd + 1;
}

/** A block by itself, on the output that it has in its cascade. */
function ownUpdate(
  block: Block,
  attached: AttachedLoss,
  { blocks }: PathParts,
  { length, independentWeight: weight, independentLoss }: Options,
  waiting: WaitingBlocks,
): LocalUpdate {
  const last = block.position === blocks.length - 1;
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
        waiting.collect(term.gradient);
        const own = last ? waiting.finish(block.variables) : [];
        return { value: term.value, gradients: [...own, ...term.variableGradients] };
      });
      return { loss, streams: last ? {} : { x: x! } };
    },
    ...classifierOf(block, attached),
    ...(length === 2 && {
      apart: {
        ...{ block: block.position, nets: last ? [] : attached.layers },
        images: !last && independentLoss.reconstructs,
      },
    }),
  };
  return update;
}

function auxiliaryNets(
  { network, blocks, scope, loss, lossParts, bridge }: PathParts,
  block: Block,
  { independentWeight, independentLoss, augmentation }: Options,
): Losses {
  const site = siteAfter(network, block, blocks.length);
  const own = childScope(scope, block.position);
  const augmented = augmentation?.(own, block);
  const behind =
    augmented !== undefined
      ? { ...site, unit: augmented.unit, features: augmented.unit.output }
      : bridge === undefined
        ? site
        : siteBehindBridge(site, blocks, block);
  const cascade = loss.attach(own, behind, lossParts);
  const independent =
    independentWeight === 0
      ? undefined
      : independentLoss.attach(childScope(own, 'independent'), site, lossParts);
  const built = augmented?.bridge ?? bridge?.(own, nextUnit(blocks, block));
  return { cascade, independent, bridge: built, follows: augmented?.follows ?? built?.follows };
}

function sharedHead({ network }: PathParts, { independentWeight, headLoss: minimised }: Options): Losses {
  const head: AttachedLoss = {
    layers: [network.head],
    loss: (features, batch) => headLoss(network, features, batch),
    logits: (features) => network.head.forward(features, evaluationMode) as tf.Tensor2D,
  };
  const alone = independentWeight > 0 && minimised !== 'cascade';
  return { cascade: head, independent: alone ? head : undefined, bridge: undefined, follows: undefined };
}
