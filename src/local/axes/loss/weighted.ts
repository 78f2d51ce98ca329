import tf = require('@tensorflow/tfjs');
import { z } from 'zod';
import { checkGiven, functionSchema } from '../../../core/given.js';
import { trainableVariables } from '../../../nn/layer.js';
import { lossSchema } from '../../forms.js';
import { eagerSum } from '../../eager.js';
import type { Site } from '../../site.js';
import type { LocalLoss } from './loss.js';

/** A term of a sum, and what it counts at each site. */
export interface WeightedLoss {
  /** What notes on its weight call it; if not given, `term 1`, … */
  readonly name?: string;
  readonly loss: LocalLoss;
  /** λ at a site. */
  readonly weight: (site: Site) => number;
}

const forms = { terms: z.array(z.object({ loss: lossSchema, weight: functionSchema })).min(1) };

/**
 * A weighted sum of losses, λ1 · first + λ2 · second + …, each of which holds its activations only while its own
 * gradients are computed. It classifies as its first term does that is trained to.
 */
export function weighted(terms: readonly WeightedLoss[]): LocalLoss {
  checkGiven('weighted', forms, { terms });
  return {
    reconstructs: terms.some(({ loss }) => loss.reconstructs),
    classifies: terms.some(({ loss }) => loss.classifies),
    attach(scope, site, parts) {
      const attached = terms.map(({ name, loss, weight }, i) => {
        const each = loss.attach(scope, site, parts);
        const variables = trainableVariables(each.layers);
        return { ...each, name: name ?? `term ${i + 1}`, weight: weight(site), variables };
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
        weights: attached.map(({ name, weight }) => ({ name, weight })),
        logits: attached.find(({ logits, weight }) => logits !== undefined && weight > 0)?.logits,
      };
    },
  };
}
