/** Convolution, batch normalisation, residual and ReLU in float64, from their definitions, and numeric gradients. */

import type { Drawn } from './op-case.js';

export interface Shape4 {
  readonly n: number;
  readonly h: number;
  readonly w: number;
  readonly c: number;
}

export interface ConvShape {
  readonly x: Shape4;
  readonly out: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly groups: number;
}

export function outputShape({ x, out, kernel, stride, padding }: ConvShape): Shape4 {
  const length = (size: number): number => Math.floor((size + 2 * padding - kernel) / stride) + 1;
  return { n: x.n, h: length(x.h), w: length(x.w), c: out };
}

/** x `[n, h, w, c]`, filter `[k, k, c / groups, out]`. */
export function convolve(
  test: ConvShape,
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
function moments(x: Float64Array, channels: number): { mean: Float64Array; variance: Float64Array } {
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

/** Running mean and variance of so many channels, as an op is given them. */
export const statisticsOf = (channels: number, scale = 1): readonly Drawn[] => [
  { name: 'mean', shape: [channels], value: (drawn) => scale * drawn },
  { name: 'variance', shape: [channels], value: (drawn) => 1 + drawn ** 2 },
];

/** Running mean and variance after x has been seen: momentum 0.1, the variance unbiased. */
export function movedStatistics(x: Float64Array, [mean, variance]: readonly Float64Array[]): Float64Array[] {
  const channels = mean!.length;
  const batch = moments(x, channels);
  const count = x.length / channels;
  const blend = (old: Float64Array, now: Float64Array, factor: number): Float64Array =>
    old.map((value, i) => 0.9 * value + 0.1 * now[i]! * factor);
  return [blend(mean!, batch.mean, 1), blend(variance!, batch.variance, count / (count - 1))];
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
