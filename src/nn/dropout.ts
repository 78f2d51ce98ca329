import tf = require('@tensorflow/tfjs');
import { z } from 'zod';
import { scopeSchema } from './forms.js';
import { checkGiven } from '../core/given.js';
import { randomStream } from '../core/random.js';
import type { Counter, Layer } from './layer.js';
import { childScope, type Scope } from './parameters.js';

const forms = { scope: scopeSchema, rate: z.number().min(0).lt(1) };

/**
 * Dropout (Srivastava et al. 2014) of any shape: in training mode each value is dropped with probability `rate`, and
 * those that stay are divided by 1 − rate. The mask of the n-th training pass comes from a random stream named after
 * the layer and n, and after the share of the batch but for the first, so the number of passes, its counter `<scope>.passes`, is all the state that a resumed run needs.
 *
 * @param rate 0…1, below 1
 */
export function dropout(scope: Scope, rate: number): Layer {
  checkGiven('dropout', forms, { scope, rate });
  const passes: Counter = { name: childScope(scope, 'passes').name, torch: false, value: 0 };
  const dropped = Math.round(rate * 2 ** 32);
  const kept = 1 / (1 - rate);
  return {
    parameters: [],
    buffers: [],
    counters: [passes],
    forward(x, mode) {
      if (!mode.training) return x.clone();
      const share = passes.share ? [`share ${passes.share}`] : [];
      const random = randomStream(scope.seed, 'dropout', scope.name, passes.value++, ...share);
      const mask = new Float32Array(x.size);
      for (let i = 0; i < mask.length; i++) mask[i] = random.uint32() < dropped ? 0 : kept;
      return tf.tidy(() => tf.mul(x, tf.tensor(mask, x.shape)));
    },
  };
}
