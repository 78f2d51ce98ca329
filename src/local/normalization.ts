import { UserError } from '../core/errors.js';

/** What is taken from pixel values, and what they are divided by, to normalise them. */
export interface Normalization {
  /** Per channel: of bytes scaled to 0…1, of floating-point numbers as they are. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** What stands for each byte in each channel, `[256, channels]`. */
export interface ByteTables {
  readonly normalised: Float32Array;
  /** Normalised and back: the pixels that a reconstruction is compared with, to the published code's rounding. */
  readonly pixels: Float32Array;
}

/** Computed in float32 step by step, as on an engine. A single mean or deviation is that of all channels. */
export function tablesOf({ mean, std }: Normalization, channels: number): ByteTables {
  const { fround } = Math;
  const of = (values: readonly number[], i: number): number =>
    fround(values[(i % channels) % values.length]!);
  const normalised = Float32Array.from(
    { length: 256 * channels },
    (_, i) => fround(fround(Math.floor(i / channels) / 255) - of(mean, i)) / of(std, i),
  );
  const pixels = normalised.map((value, i) => fround(value * of(std, i)) + of(mean, i));
  return { normalised, pixels };
}

/**
 * Refuses means or deviations that are neither one number nor one for each channel.
 *
 * @throws UserError
 */
export function checkChannels(normalization: Normalization, channels: number): void {
  for (const name of ['mean', 'std'] as const) {
    const { length } = normalization[name];
    if (length === 1 || length === channels) continue;
    throw new UserError(
      `createBatch: normalization.${name}: expected a number, or one for each of ${channels} channels, found ${length}`,
    );
  }
}
