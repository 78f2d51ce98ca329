import { permutation, randomStream, type RandomStream } from '../core/random.js';
import type { Mixing } from '../local/batch.js';

/**
 * What a step's batch is mixed by (mixup, Zhang et al. 2018, with one λ a batch as in its code): λ from Beta(α, α),
 * partners in an order drawn evenly. Depends on the seed, the epoch and the step alone.
 */
export function drawMixing(alpha: number, seed: number, epoch: number, step: number, size: number): Mixing {
  const random = randomStream(seed, 'train', 'mixup', epoch, step);
  return { share: symmetricBeta(alpha, random), partners: permutation(size, random) };
}

/** From Beta(α, α), α above 0, as X / (X + Y) of two gamma variables; by their logarithms, as small α's underflow. */
export function symmetricBeta(alpha: number, random: RandomStream): number {
  return 1 / (1 + Math.exp(logGamma(alpha, random) - logGamma(alpha, random)));
}

/**
 * The logarithm of a variable from Gamma(α, 1): Marsaglia & Tsang 2000 for α + 1, and that times U^(1/α) (their
 * section 6).
 */
function logGamma(alpha: number, random: RandomStream): number {
  const d = alpha + 1 - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = random.normal();
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - random.uniform()) < (x * x) / 2 + d - d * v + d * Math.log(v)) {
      return Math.log(d * v) + Math.log(1 - random.uniform()) / alpha;
    }
  }
}
