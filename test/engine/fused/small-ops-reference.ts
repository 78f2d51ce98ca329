/** What the small ops compute, in float64, from their definitions. */

/** Rows of `inputs` values times a `[inputs, outputs]` matrix, plus the bias. */
export function linear(x: Float64Array, weight: Float64Array, bias: Float64Array): Float64Array {
  const outputs = bias.length;
  const inputs = weight.length / outputs;
  return Float64Array.from({ length: (x.length / inputs) * outputs }, (_, at) => {
    const row = Math.floor(at / outputs);
    let sum = bias[at % outputs]!;
    for (let i = 0; i < inputs; i++) sum += x[row * inputs + i]! * weight[i * outputs + (at % outputs)]!;
    return sum;
  });
}

export function layerNorm(x: Float64Array, gamma: Float64Array, beta: Float64Array): Float64Array {
  const width = gamma.length;
  return x.map((value, at) => {
    const row = x.subarray(at - (at % width), at - (at % width) + width);
    const mean = row.reduce((sum, each) => sum + each, 0) / width;
    const variance = row.reduce((sum, each) => sum + (each - mean) ** 2, 0) / width;
    return ((value - mean) / Math.sqrt(variance + 1e-6)) * gamma[at % width]! + beta[at % width]!;
  });
}

export function gelu(x: Float64Array): Float64Array {
  return x.map((value) => (value * (1 + erf(value / Math.SQRT2))) / 2);
}

/** Its Taylor series, good for |x| ≤ 4. */
function erf(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; n < 100; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

export interface AttentionCase {
  readonly batch: number;
  readonly tokens: number;
  readonly width: number;
  readonly heads: number;
}

/** Queries, keys and values `[batch, tokens, 3·width]` → `[batch, tokens, width]`. */
export function attention(
  packed: Float64Array,
  { batch, tokens, width, heads }: AttentionCase,
): Float64Array {
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

/** Of `[n, h, w, c]`, corners aligned: row i of the result lies at i · (h − 1) / (rows − 1), and so the columns. */
export function resizeBilinear(
  x: Float64Array,
  [batch, height, width, channels]: readonly [number, number, number, number],
  [rows, columns]: readonly [number, number],
): Float64Array {
  const result: number[] = [];
  for (let n = 0; n < batch; n++)
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++)
        for (let c = 0; c < channels; c++) {
          const y = (i * (height - 1)) / (rows - 1);
          const z = (j * (width - 1)) / (columns - 1);
          let value = 0;
          for (let row = 0; row < height; row++)
            for (let column = 0; column < width; column++) {
              const share = Math.max(0, 1 - Math.abs(y - row)) * Math.max(0, 1 - Math.abs(z - column));
              value += share * x[((n * height + row) * width + column) * channels + c]!;
            }
          result.push(value);
        }
  return Float64Array.from(result);
}

/** Of `[n, h, w, c]`: the greatest of each window, of which padding is never one. */
export function maxPool(
  x: Float64Array,
  [batch, height, width, channels]: readonly [number, number, number, number],
  { window, stride, padding }: { readonly window: number; readonly stride: number; readonly padding: number },
): Float64Array {
  const outputs = (length: number): number => Math.floor((length + 2 * padding - window) / stride) + 1;
  const result: number[] = [];
  for (let n = 0; n < batch; n++)
    for (let i = 0; i < outputs(height); i++)
      for (let j = 0; j < outputs(width); j++)
        for (let c = 0; c < channels; c++) {
          let most = -Infinity;
          for (let row = i * stride - padding; row < i * stride - padding + window; row++)
            for (let column = j * stride - padding; column < j * stride - padding + window; column++)
              if (row >= 0 && row < height && column >= 0 && column < width)
                most = Math.max(most, x[((n * height + row) * width + column) * channels + c]!);
          result.push(most);
        }
  return Float64Array.from(result);
}
