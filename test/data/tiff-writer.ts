/** What the bits of a sample mean, as TIFF numbers it. */
const formats = { unsigned: 1, signed: 2, float: 3 } as const;

export interface TiffImage {
  readonly width: number;
  readonly height: number;
  /** Samples one after another, row by row. */
  readonly samples:
    Uint8Array | Uint16Array | Int16Array | Uint32Array | Int32Array | Float32Array | Float64Array;
  readonly format: keyof typeof formats;
  /** Of each pixel. */
  readonly channels: number;
  /** What the channels beyond grey or RGB are: 0 something else, 1 alpha that colours are multiplied by, 2 alpha. */
  readonly extra?: 0 | 1 | 2;
}

/** An uncompressed TIFF file of one strip, little-endian. */
export function tiffFile({ width, height, samples, format, channels, extra }: TiffImage): Buffer {
  const short = 3;
  const long = 4;
  const bits = 8 * samples.BYTES_PER_ELEMENT;
  const isColour = channels >= 3;
  const tags: (readonly [tag: number, type: number, values: readonly number[]])[] = [
    [256, long, [width]],
    [257, long, [height]],
    [258, short, Array.from({ length: channels }, () => bits)],
    [259, short, [1]],
    [262, short, [isColour ? 2 : 1]],
    [273, long, [8]],
    [277, short, [channels]],
    [278, long, [height]],
    [279, long, [samples.byteLength]],
    ...(extra === undefined ? [] : [[338, short, [extra]] as const]),
    [339, short, Array.from({ length: channels }, () => formats[format])],
  ];
  const pixels = Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength);
  const directory = Buffer.alloc(2 + 12 * tags.length + 4);
  directory.writeUInt16LE(tags.length);
  const more: Buffer[] = [];
  let end = 8 + pixels.length + directory.length;
  for (const [i, [tag, type, values]] of tags.entries()) {
    const at = 2 + 12 * i;
    directory.writeUInt16LE(tag, at);
    directory.writeUInt16LE(type, at + 2);
    directory.writeUInt32LE(values.length, at + 4);
    const content = Buffer.alloc(values.length * (type === short ? 2 : 4));
    values.forEach((value, k) =>
      type === short ? content.writeUInt16LE(value, 2 * k) : content.writeUInt32LE(value, 4 * k),
    );
    if (content.length <= 4) content.copy(directory, at + 8);
    else {
      directory.writeUInt32LE(end, at + 8);
      more.push(content);
      end += content.length;
    }
  }
  const header = Buffer.from('II*\0\0\0\0\0', 'latin1');
  header.writeUInt32LE(8 + pixels.length, 4);
  return Buffer.concat([header, pixels, directory, ...more]);
}
