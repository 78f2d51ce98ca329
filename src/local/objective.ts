import * as tf from '@tensorflow/tfjs';
import { trainableVariables, type Layer } from '../nn/layer.js';
import type { Scope } from '../nn/parameters.js';
import type { Batch } from './batch.js';
import { eagerSum } from './eager.js';
import type { Site } from './site.js';

/** A local loss and the auxiliary nets that it trains. */
export interface Objective {
  readonly layers: readonly Layer[];
  /** Features `[n, h, w, c]`, which are given up → mean loss over the batch. */
  readonly loss: (features: tf.Tensor4D, batch: Batch) => tf.Scalar;
  /** Where it classifies: features → logits `[n, classes]`, in evaluation mode. */
  readonly logits?: ((features: tf.Tensor4D) => tf.Tensor2D) | undefined;
}

/** Builds the objective of one block; the scope is that block's own. */
export type ObjectiveBuilder = (scope: Scope, site: Site) => Objective;

export interface WeightedObjective {
  readonly objective: ObjectiveBuilder;
  readonly weight: (site: Site) => number;
}

/**
 * The weighted sum of objectives; each holds its activations only while its own gradients are computed. It classifies as
 * its first term does that is trained to.
 */
export function weightedSum(terms: readonly WeightedObjective[]): ObjectiveBuilder {
  return (scope, site) => {
    const built = terms.map(({ objective, weight }) => {
      const built = objective(scope, site);
      return { ...built, weight: weight(site), variables: trainableVariables(built.layers) };
    });
    return {
      layers: built.flatMap(({ layers }) => layers),
      loss: (features, batch) =>
        eagerSum(
          features,
          built.map(({ loss, weight, variables }) => ({
            variables,
            loss: (x) => tf.mul(loss(x as tf.Tensor4D, batch), weight),
          })),
        ),
      logits: built.find(({ logits, weight }) => logits !== undefined && weight > 0)?.logits,
    };
  };
}
