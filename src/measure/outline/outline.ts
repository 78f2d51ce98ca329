import type * as tf from '@tensorflow/tfjs';
import { sum } from '../../core/stats.js';
import type { MethodConfig } from '../../config/method-config.js';
import { detach } from '../../engine/detached.js';
import { evaluationMode } from '../../engine/fused/ops.js';
import { countMultiplyAdds } from '../../engine/multiply-adds.js';
import { scoped } from '../../engine/scoped.js';
import {
  ownVariables,
  parameterCounts,
  variableSize,
  stepMultiplyAdds,
  type ParameterCounts,
} from '../../local/cost.js';
import type { StepMultiplyAdds } from '../../local/step-cost.js';
import { weightNotes } from '../../local/loss-weights.js';
import { noiseBatch } from '../../local/noise-batch.js';
import { blocksNote } from '../../local/partition/asked.js';
import { partitionOf } from '../../local/partition/of-method.js';
import type { Strategy } from '../../local/strategy.js';
import { freeStreams, type Streams } from '../../local/update.js';
import type { Network } from '../../networks/network.js';
import { trainableVariables, type Layer } from '../../nn/layer.js';
import { freeGradients } from '../../train/gradients.js';
import { runUpdate } from '../../train/run-update.js';
import { firstBatch } from '../memory/measure.js';
import { withMethod, type MeasureOptions } from '../memory/report.js';
import { withNetwork, type MemorySetting } from '../memory/setting.js';

/** A unit of a network, or its head. */
export interface UnitOutline {
  readonly name: string;
  /** Of what it makes of one image: `[height, width, channels]`, of a Transformer `[tokens, width]`, of the head `[classes]`. */
  readonly shape: readonly number[];
  readonly parameters: number;
  /** Of a forward pass, an image. */
  readonly multiplyAdds: number;
}

/** A network, unit by unit. */
export interface NetworkOutline {
  readonly network: string;
  readonly imageShape: readonly number[];
  readonly classes: number;
  readonly units: readonly UnitOutline[];
}

/** What an update of a method trains, and what it takes. */
export interface UpdateOutline {
  readonly name: string;
  /** Parameters of the network that it trains. */
  readonly network: number;
  /** Parameters of all else that it trains: auxiliary nets, decoders. */
  readonly auxiliary: number;
  /** Of forward and backward pass, an image. */
  readonly multiplyAdds: StepMultiplyAdds;
}

/** How a method trains a network. */
export interface MethodOutline {
  readonly label: string;
  /** The names of each block's units. */
  readonly partition: readonly (readonly string[])[];
  readonly updates: readonly UpdateOutline[];
  readonly parameters: ParameterCounts;
  /** What to know of it: why it has other blocks than were asked for, and which terms of its loss train nothing. */
  readonly notes: readonly string[];
}

/** Runs a network's units on a few random images and tells of each. */
export async function outlineNetwork(setting: MemorySetting): Promise<NetworkOutline> {
  return withNetwork(setting, (network) => ({
    ...{ network: network.name, imageShape: network.imageShape, classes: network.classes },
    units: scoped(() => unitOutlines(network)),
  }));
}

function unitOutlines(network: Network): UnitOutline[] {
  let features: tf.Tensor = noiseBatch(network, firstBatch, network.seed)().images;
  const outline = (name: string, layer: Layer): UnitOutline => {
    const count = countMultiplyAdds();
    try {
      features = layer.forward(features, evaluationMode);
    } finally {
      count.close();
    }
    return {
      name,
      shape: features.shape.slice(1),
      parameters: variableSize(trainableVariables([layer])),
      multiplyAdds: sum(count.counted.values()) / firstBatch,
    };
  };
  return [...network.units.map(({ name, layer }) => outline(name, layer)), outline('head', network.head)];
}

/**
 * Runs a method's updates on a few random images and tells of each. Measured cut points are chosen first.
 *
 * @throws UserError where the method does not fit the network
 */
export async function outlineMethod(
  setting: MemorySetting,
  method: MethodConfig,
  options: MeasureOptions = {},
): Promise<MethodOutline> {
  return withMethod(setting, method, options, (strategy, { label }) => ({
    label,
    partition: strategy.partition,
    updates: scoped(() => updateOutlines(strategy)),
    parameters: parameterCounts(strategy),
    notes: [
      ...[blocksNote(strategy, partitionOf(method).blocks)].filter((note) => note !== undefined),
      ...weightNotes(strategy.lossWeights ?? []),
    ],
  }));
}

function updateOutlines(strategy: Strategy): UpdateOutline[] {
  const { network } = strategy;
  const own = ownVariables(network);
  const batch = noiseBatch(network, firstBatch, network.seed)();
  let streams: Streams = { x: detach(batch.images) };
  try {
    return strategy.updates.map((update) => {
      const count = countMultiplyAdds();
      try {
        const { gradients, next } = runUpdate(update, streams, batch);
        freeGradients(gradients);
        streams = next;
      } finally {
        count.close();
      }
      const trained = [...new Set(update.variables)];
      const { network: ofNetwork, auxiliary } = stepMultiplyAdds(strategy, count.counted);
      return {
        name: update.name,
        network: variableSize(trained.filter((variable) => own.has(variable))),
        auxiliary: variableSize(trained.filter((variable) => !own.has(variable))),
        multiplyAdds: { network: ofNetwork / firstBatch, auxiliary: auxiliary / firstBatch },
      };
    });
  } finally {
    freeStreams(streams);
    for (const update of strategy.updates) update.release?.();
  }
}
