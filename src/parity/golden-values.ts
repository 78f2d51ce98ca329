import { crc32 } from 'node:zlib';

/**
 * The numbers that the published code was run with: everything follows from a name. A stream is xorshift32 seeded with
 * the name's CRC-32, scaled to −1…1.
 */
function stream(name: string): () => number {
  let state = crc32(name) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return (state / 2 ** 32) * 2 - 1;
  };
}

/** A parameter's initial values in PyTorch's layout, from its published name and its shape. */
export function goldenParameter(name: string, shape: readonly number[]): Float32Array {
  const next = stream(name);
  const scale = scaling(name, shape);
  // A loop: `Float32Array.from` takes twice as long.
  const values = new Float32Array(shape.reduce((product, length) => product * length, 1));
  for (let i = 0; i < values.length; i++) values[i] = scale(next());
  return values;
}

function scaling(name: string, shape: readonly number[]): (u: number) => number {
  switch (shape.length) {
    case 4: {
      const bound = Math.sqrt(6 / (shape[1]! * shape[2]! * shape[3]!));
      return (u) => u * bound;
    }
    case 2: {
      const divisor = Math.sqrt(shape[1]!);
      return (u) => u / divisor;
    }
    case 0:
      return (u) => 1 + 0.1 * u;
    default:
      return name.endsWith('weight') ? (u) => 1 + 0.1 * u : (u) => 0.1 * u;
  }
}

/** Pixels in 0…1, `[count, height, width, channels]`; the stream runs along (n, c, h, w). */
export function goldenImages(
  name: string,
  count: number,
  [height, width, channels]: readonly [number, number, number],
): Float32Array {
  const next = stream(name);
  const pixels = new Float32Array(count * height * width * channels);
  for (let n = 0; n < count; n++)
    for (let c = 0; c < channels; c++)
      for (let p = 0; p < height * width; p++)
        pixels[(n * height * width + p) * channels + c] = (next() + 1) / 2;
  return pixels;
}

/** The published runs have ten classes, whatever their data set. */
export function goldenLabels(count: number, step: number): Uint16Array {
  return Uint16Array.from({ length: count }, (_, i) => (7 * i + step) % 10);
}
