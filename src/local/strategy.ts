import { z } from 'zod';
import { UserError } from '../core/errors.js';
import { checkGiven } from '../core/given.js';
import { ownEntry } from '../core/own-entry.js';
import { precisions, withPrecision, type Precision } from '../engine/precision.js';
import { refusePrecision } from '../engine/refuse-precision.js';
import { withRecompute, type Place } from '../engine/recompute.js';
import {
  recomputeChoices,
  type ChosenRecompute,
  type Recompute,
  type RecomputePlan,
} from '../engine/recompute-choices.js';
import { disposeLayer, ownedBy, type Counter } from '../nn/layer.js';
import type { Network } from '../networks/network.js';
import type { Parameter } from '../nn/parameters.js';
import type { Block } from './block.js';
import type { Path } from './axes/path/path.js';
import type { BlockWeights } from './loss-weights.js';
import { strategySchema } from './forms.js';
import type { LocalUpdate } from './update.js';

/** How a network is trained: an ordered list of updates, and what they own beside the network. */
export interface Strategy {
  /** `bp`, `auglocal`, …, or the name of a strategy from outside. */
  readonly name: string;
  readonly network: Network;
  /** Gradient-isolated blocks that the network is cut into; 1 for backpropagation. */
  readonly blocks: number;
  /** The names of each block's units. */
  readonly partition: readonly (readonly string[])[];
  /** In the order in which they run. */
  readonly updates: readonly LocalUpdate[];
  /** Parameters and running statistics of the auxiliary nets. */
  readonly auxiliary: readonly Parameter[];
  /**
   * Training passes of the auxiliary nets, as the network's layers count their own. With the network, the auxiliary
   * nets and the updates' variables they are all that a checkpoint keeps: whatever else a strategy changes as it trains
   * is lost when a run is resumed.
   */
  readonly counters?: readonly Counter[];
  /** Of the blocks whose loss is a weighted sum. */
  readonly lossWeights?: readonly BlockWeights[];
  /** Frees the auxiliary nets; the network is its maker's. */
  dispose(): void;
}

/** The same strategy with other updates. Field by field: it may be an instance of a class. */
export function withUpdates(strategy: Strategy, updates: readonly LocalUpdate[]): Strategy {
  const { name, network, blocks, partition, auxiliary, counters, lossWeights } = strategy;
  return {
    ...{ name, network, blocks, partition, updates, auxiliary },
    ...(counters === undefined ? {} : { counters }),
    ...(lossWeights === undefined ? {} : { lossWeights }),
    dispose: () => strategy.dispose(),
  };
}

const recomputeForm = z.union([z.enum(recomputeChoices), z.record(z.string(), z.object({}))], {
  error: `must be one of ${recomputeChoices.join(', ')}, or a plan with one for each update`,
});

/**
 * A strategy whose backward passes make again what `recompute` says, instead of keeping it from the forward passes: the
 * same numbers to the last bit, for less memory and more time.
 *
 * @param strategy one of any method, a plugin's too; what is returned owns nothing of its own
 * @param recompute the same of all updates, or a plan with one of each
 * @throws UserError where the plan lacks an update
 */
export function recomputing(strategy: Strategy, recompute: Recompute | RecomputePlan): Strategy {
  checkGiven('recomputing', { strategy: strategySchema, recompute: recomputeForm }, { strategy, recompute });
  if (recompute === 'none') return strategy;
  return withUpdates(
    strategy,
    strategy.updates.map((update) => {
      const chosen =
        typeof recompute === 'string'
          ? { recompute, kept: [] as readonly number[] }
          : chosenFor(recompute, update.name);
      return recomputingUpdate(update, chosen.recompute, (place) => ({
        again: !chosen.kept.includes(place),
      }));
    }),
  );
}

function chosenFor(plan: RecomputePlan, update: string): ChosenRecompute {
  const chosen = ownEntry(plan, update);
  if (chosen !== undefined) return chosen;
  throw new UserError(
    `what to recompute: the plan lacks the update "${update}"; it has ${Object.keys(plan).join(', ') || 'none'}`,
  );
}

/**
 * A strategy whose updates hold feature maps in that precision: what they save for their backward passes, and what they
 * hand on.
 *
 * @param strategy one of any method, a plugin's too; what is returned owns nothing of its own
 * @param precision `float32` leaves it as it is
 * @throws UserError where the engine in use has it not
 */
export function inPrecision(strategy: Strategy, precision: Precision): Strategy {
  checkGiven(
    'inPrecision',
    { strategy: strategySchema, precision: z.enum(precisions) },
    { strategy, precision },
  );
  if (precision === 'float32') return strategy;
  refusePrecision(precision);
  return withUpdates(
    strategy,
    strategy.updates.map((update) =>
      running(
        update,
        (forward) => (streams, batch) => withPrecision(precision, () => forward(streams, batch)),
      ),
    ),
  );
}

/** An update whose backward pass makes that again, at the places where `placeOf` says so, by their order. */
export function recomputingUpdate(
  update: LocalUpdate,
  recompute: Recompute,
  placeOf: (place: number) => Place,
): LocalUpdate {
  return running(update, (forward) => (streams, batch) => {
    let next = 0;
    return withRecompute(
      recompute,
      () => forward(streams, batch),
      () => placeOf(next++),
    );
  });
}

/** An update that runs in another way, also where the block before its own is in another process. */
function running(
  update: LocalUpdate,
  way: (forward: LocalUpdate['forward']) => LocalUpdate['forward'],
): LocalUpdate {
  const { apart } = update;
  const own = { ...update, forward: way((streams, batch) => update.forward(streams, batch)) };
  if (apart?.across === undefined) return own;
  const { across } = apart;
  return { ...own, apart: { ...apart, across: { ...across, above: running(across.above, way) } } };
}

/** A strategy of a network's blocks and what a path made of them. */
export function assembleStrategy(
  network: Network,
  name: string,
  blocks: readonly Block[],
  { updates, auxiliary }: Path,
): Strategy {
  return {
    name,
    network,
    blocks: blocks.length,
    partition: blocks.map((block) => block.units.map((unit) => unit.name)),
    updates,
    auxiliary: auxiliary.flatMap((layer) => [...layer.parameters, ...layer.buffers]),
    counters: ownedBy(auxiliary).counters,
    dispose: () => auxiliary.forEach(disposeLayer),
  };
}
