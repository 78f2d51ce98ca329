/** What a TIFF file's header says of its numbers that decides whether they are an image's as they are. */
export interface TiffSamples {
  /** Numbers of which the format says no greatest, in words; undefined for unsigned whole ones of up to 16 bits. */
  readonly unscaled?: string;
  /** Whether there is a channel beyond the colours that is no alpha. */
  readonly hasOther: boolean;
}

const tags = { bits: 258, photometric: 262, extraSamples: 338, sampleFormat: 339 } as const;
/** Tags' types of which values are read: bytes and shorts. */
const widths: Readonly<Record<number, number>> = { 1: 1, 3: 2 };
/** Bytes of a tag in a directory. */
const entryBytes = 12;
/** In words, by the number of the sample format; 1 and 4 are unsigned, or nothing is said. */
const unusual: Readonly<Record<number, string>> = {
  2: 'signed whole numbers',
  3: 'floating-point numbers',
  5: 'complex whole numbers',
  6: 'complex numbers',
};
/** CIE L*a*b* in its three forms and LogLuv in its two: the colour space says what the numbers mean. */
const scaledByColour = [8, 9, 10, 32844, 32845];

/**
 * Reads the tags of a TIFF file's first image (TIFF 6.0, section 2). Of a header that is damaged nothing is found: the
 * decoder will tell.
 */
export function readTiffSamples(bytes: Buffer): TiffSamples {
  const isLittle = bytes[0] === 0x49;
  const short = (at: number): number => {
    if (at < 0 || at + 2 > bytes.length) return 0;
    return isLittle ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
  };
  const long = (at: number): number =>
    isLittle ? short(at) + 0x10000 * short(at + 2) : 0x10000 * short(at) + short(at + 2);
  const directory = long(4);
  const values = new Map<number, number[]>();
  for (let i = 0; i < short(directory); i++) {
    const entry = directory + 2 + entryBytes * i;
    if (entry + entryBytes > bytes.length) break;
    const width = widths[short(entry + 2)];
    if (width === undefined) continue;
    const count = long(entry + 4);
    const start = count * width <= 4 ? entry + 8 : long(entry + 8);
    // A channel each: those of many channels are alike.
    const read = Array.from({ length: Math.min(count, 16) }, (_, k) =>
      width === 1 ? (bytes[start + k] ?? 0) : short(start + 2 * k),
    );
    values.set(short(entry), read);
  }
  const bits = Math.max(1, ...(values.get(tags.bits) ?? []));
  const format = values.get(tags.sampleFormat)?.find((each) => each in unusual);
  const isScaled = scaledByColour.includes(values.get(tags.photometric)?.[0] ?? 0);
  const kind = format === undefined ? 'whole numbers' : unusual[format]!;
  return {
    ...(!isScaled && (format !== undefined || bits > 16) && { unscaled: `${bits}-bit ${kind}` }),
    hasOther: values.get(tags.extraSamples)?.includes(0) ?? false,
  };
}
