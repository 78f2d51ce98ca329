/** What the first bytes of an image file say it is. */
export type ImageFormat = 'JPEG' | 'PNG' | 'GIF' | 'WebP' | 'TIFF' | 'AVIF';

const signatures: readonly (readonly [ImageFormat, offset: number, signature: string])[] = [
  ['JPEG', 0, '\xff\xd8\xff'],
  ['PNG', 0, '\x89PNG\r\n\x1a\n'],
  ['GIF', 0, 'GIF8'],
  ['WebP', 8, 'WEBP'],
  ['TIFF', 0, 'II*\0'],
  ['TIFF', 0, 'MM\0*'],
  ['AVIF', 4, 'ftypavif'],
];

/** The format by the file's content, whatever its name; undefined for every other, text formats such as SVG among them. */
export function sniffFormat(bytes: Buffer): ImageFormat | undefined {
  const found = signatures.find(
    ([, offset, text]) => bytes.toString('latin1', offset, offset + text.length) === text,
  );
  return found?.[0];
}

/** What can be told of an encoded image without decoding it. */
export interface Outline {
  /**
   * Whether a JPEG or PNG file has its end. A decoder that is asked for the upper part of a picture does not look for
   * it: a truncated file would be good or bad by the crop that is drawn. Files of other formats count as whole: they
   * are decoded from end to end.
   */
  readonly whole: boolean;
  /** In pixels, as shown; only of a JPEG that has no metadata which could turn it. */
  readonly size?: { readonly width: number; readonly height: number };
}

export function outlineOf(bytes: Buffer, format: ImageFormat): Outline {
  if (format === 'JPEG') return jpegOutline(bytes);
  return { whole: format !== 'PNG' || bytes.lastIndexOf('IEND', undefined, 'latin1') > 0 };
}

const startOfScan = 0xda;
/** Exif or XMP. */
const metadata = 0xe1;
/** Tables and a reserved marker among those that begin a frame. */
const notFrames = [0xc4, 0xc8, 0xcc];

/**
 * Steps over the segments before the first scan by their lengths, for a thumbnail among the metadata is a JPEG with a
 * frame and an end of its own.
 */
function jpegOutline(bytes: Buffer): Outline {
  let size: Outline['size'];
  let turnable = false;
  for (let at = 2; at + 4 <= bytes.length;) {
    if (bytes[at] !== 0xff) break;
    const marker = bytes[at + 1]!;
    // Any number of 0xff may stand before a marker.
    if (marker === 0xff) {
      at++;
      continue;
    }
    if (marker === startOfScan) {
      const whole = bytes.lastIndexOf('\xff\xd9', undefined, 'latin1') > at;
      return size === undefined || turnable ? { whole } : { whole, size };
    }
    if (marker === metadata) turnable = true;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && !notFrames.includes(marker);
    if (isFrame && at + 9 <= bytes.length) {
      const [height, width] = [bytes.readUInt16BE(at + 5), bytes.readUInt16BE(at + 7)];
      if (height > 0 && width > 0) size = { width, height };
    }
    at += 2 + bytes.readUInt16BE(at + 2);
  }
  return { whole: false };
}
