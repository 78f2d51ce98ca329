import * as tf from '@tensorflow/tfjs';
import { trainableVariables } from '../../../nn/layer.js';
import { eagerSum } from '../../eager.js';
import type { Site } from '../../site.js';
import type { LocalLoss } from './loss.js';

/** A term of a sum, and what it counts at each site. */
export interface WeightedLoss {
  readonly loss: LocalLoss;
  /** λ at a site. */
  readonly weight: (site: Site) => number;
}

/**
 * A weighted sum of losses, λ1 · first + λ2 · second + …, each of which holds its activations only while its own
 * gradients are computed. It classifies as its first term does that is trained to.
 */
export function weighted(terms: readonly WeightedLoss[]): LocalLoss {
  return {
    reconstructs: terms.some(({ loss }) => loss.reconstructs),
    classifies: terms.some(({ loss }) => loss.classifies),
    attach(scope, site, parts) {
      const attached = terms.map(({ loss, weight }) => {
        const each = loss.attach(scope, site, parts);
        return { ...each, weight: weight(site), variables: trainableVariables(each.layers) };
      });
      return {
        layers: attached.flatMap(({ layers }) => layers),
        loss: (features, batch) =>
          eagerSum(
            features,
            attached.map(({ loss, weight, variables }) => ({
              variables,
              loss: (x) => tf.mul(loss(x as tf.Tensor4D, batch), weight),
            })),
          ),
        logits: attached.find(({ logits, weight }) => logits !== undefined && weight > 0)?.logits,
      };
    },
  };
}
