import type * as tf from '@tensorflow/tfjs';
import { attentionOp } from '../../../../src/engine/fused/attention.js';
import type { OpCase } from '../op-case.js';

const sizes: AttentionCase = { batch: 2, tokens: 5, width: 6, heads: 3 };

export const attentionCases: readonly OpCase[] = [
  {
    name: 'attention',
    inputs: [{ name: 'packed', shape: [sizes.batch, sizes.tokens, 3 * sizes.width] }],
    op: ([packed]) => attentionOp(packed as tf.Tensor3D, sizes.heads, packed!),
    reference: ([packed]) => attention(packed!, sizes),
  },
];

interface AttentionCase {
  readonly batch: number;
  readonly tokens: number;
  readonly width: number;
  readonly heads: number;
}

/** Queries, keys and values `[batch, tokens, 3·width]` → `[batch, tokens, width]`. */
function attention(packed: Float64Array, { batch, tokens, width, heads }: AttentionCase): Float64Array {
  const size = width / heads;
  const at = (n: number, token: number, part: number, channel: number): number =>
    packed[(n * tokens + token) * 3 * width + part * width + channel]!;
  const result = new Float64Array(batch * tokens * width);
  for (let n = 0; n < batch; n++)
    for (let head = 0; head < heads; head++)
      for (let query = 0; query < tokens; query++) {
        const scores = Array.from({ length: tokens }, (_, key) => {
          let dot = 0;
          for (let c = head * size; c < (head + 1) * size; c++) dot += at(n, query, 0, c) * at(n, key, 1, c);
          return Math.exp(dot / Math.sqrt(size));
        });
        const total = scores.reduce((sum, score) => sum + score, 0);
        for (let c = head * size; c < (head + 1) * size; c++)
          result[(n * tokens + query) * width + c] = scores.reduce(
            (sum, score, key) => sum + (score / total) * at(n, key, 2, c),
            0,
          );
      }
  return result;
}
