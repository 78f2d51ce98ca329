/** Convolution, batch normalisation, residual and ReLU in float64, from their definitions, and numeric gradients. */

export interface Shape4 {
  readonly n: number;
  readonly h: number;
  readonly w: number;
  readonly c: number;
}

export interface ConvCase {
  readonly x: Shape4;
  readonly out: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly groups: number;
  /** Height and width of the input before it is resized to those of x. */
  readonly from?: readonly [height: number, width: number];
}

export function outputShape({ x, out, kernel, stride, padding }: ConvCase): Shape4 {
  const length = (size: number): number => Math.floor((size + 2 * padding - kernel) / stride) + 1;
  return { n: x.n, h: length(x.h), w: length(x.w), c: out };
}

/** x `[n, h, w, c]`, filter `[k, k, c / groups, out]`. */
export function convolve(
  test: ConvCase,
  x: Float64Array,
  filter: Float64Array,
  bias?: Float64Array,
): Float64Array {
  const { kernel, stride, padding, groups, x: inShape, out } = test;
  const y = outputShape(test);
  const inputs = inShape.c / groups;
  const result = new Float64Array(y.n * y.h * y.w * out);
  let at = 0;
  for (let n = 0; n < y.n; n++)
    for (let i = 0; i < y.h; i++)
      for (let j = 0; j < y.w; j++)
        for (let o = 0; o < out; o++) {
          let sum = bias?.[o] ?? 0;
          const first = Math.floor(o / (out / groups)) * inputs;
          for (let a = 0; a < kernel; a++)
            for (let b = 0; b < kernel; b++) {
              const row = i * stride + a - padding;
              const column = j * stride + b - padding;
              if (row < 0 || row >= inShape.h || column < 0 || column >= inShape.w) continue;
              for (let c = 0; c < inputs; c++)
                sum +=
                  x[((n * inShape.h + row) * inShape.w + column) * inShape.c + first + c]! *
                  filter[((a * kernel + b) * inputs + c) * out + o]!;
            }
          result[at++] = sum;
        }
  return result;
}

export interface Norm {
  readonly gamma: Float64Array;
  readonly beta: Float64Array;
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

/** Mean and biased variance of each channel. */
export function moments(x: Float64Array, channels: number): { mean: Float64Array; variance: Float64Array } {
  const mean = new Float64Array(channels);
  const variance = new Float64Array(channels);
  const rows = x.length / channels;
  x.forEach((value, i) => (mean[i % channels]! += value / rows));
  x.forEach((value, i) => (variance[i % channels]! += (value - mean[i % channels]!) ** 2 / rows));
  return { mean, variance };
}

export function normalise(
  x: Float64Array,
  { gamma, beta, mean, variance }: Norm,
  { training, relu, residual }: { training: boolean; relu: boolean; residual?: Float64Array | undefined },
): Float64Array {
  const channels = gamma.length;
  const used = training ? moments(x, channels) : { mean, variance };
  return x.map((value, i) => {
    const c = i % channels;
    const normalised = ((value - used.mean[c]!) / Math.sqrt(used.variance[c]! + 1e-5)) * gamma[c]! + beta[c]!;
    const sum = normalised + (residual?.[i] ?? 0);
    return relu ? Math.max(0, sum) : sum;
  });
}

/** df/dx by central differences. */
export function numericGradient(f: (x: Float64Array) => number, x: Float64Array): Float64Array {
  const step = 1e-5;
  const at = Float64Array.from(x);
  return x.map((value, i) => {
    at[i] = value + step;
    const above = f(at);
    at[i] = value - step;
    const below = f(at);
    at[i] = value;
    return (above - below) / (2 * step);
  });
}
