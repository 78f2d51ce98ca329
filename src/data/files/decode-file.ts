import { readFileSync, statSync } from 'node:fs';
import sharp, { type Sharp } from 'sharp';
import { messageOf } from '../../core/errors.js';
import type { ImageShape, Rectangle } from '../augment/raster.js';
import { BadImageError } from './bad-image.js';
import { defaultBackground, type Colour, type FileSplit } from '../dataset.js';
import { outlineOf, sniffFormat } from '../image-bytes.js';
import { isMissing } from '../../core/read.js';
import { bytesAt, pathAt } from './path-list.js';
import { readTiffSamples } from './tiff-samples.js';

/** In pixels, of an image that stands upright. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A file's content, its size, and whether parts of it may be transparent. */
export interface EncodedImage extends Size {
  readonly bytes: Buffer;
  readonly hasAlpha: boolean;
}

/** No photograph is larger; what claims to be is refused before it is decoded. */
export const limits = { pixels: 100_000_000, fileBytes: 1 << 28 } as const;

const inputOptions = {
  autoOrient: true,
  // Truncation and damage, but not a photograph's odd metadata, of which ImageNet has some.
  failOn: 'error',
  limitInputPixels: limits.pixels,
  // As the published code, which reads the numbers as they are: profiles cost a sixth of the time.
  ignoreIcc: true,
} as const;
/** Bilinear with antialiasing where it shrinks: what torchvision does to PIL images. */
const resizing = { fit: 'fill', kernel: 'linear' } as const;

// One thread a picture and nothing kept: a loader decodes as many pictures at once as it wants threads.
sharp.concurrency(1);
sharp.cache(false);

/**
 * Reads an image file and its header: JPEG, PNG, GIF (its first picture), WebP, TIFF or AVIF, at most 2²⁸ bytes and
 * 100 million pixels. A JPEG or PNG file without its end is refused, whichever part of it is going to be used, and so
 * is a TIFF file of numbers that are not whole, signed, or wider than 16 bits: it does not say which of them is white.
 * @throws BadImageError
 */
export async function openImage(path: string): Promise<EncodedImage> {
  return openEncoded(readBounded(path));
}

/**
 * An image of a split: a file, or what is in memory of one.
 *
 * @throws BadImageError
 */
export async function openImageOf({ paths, contents }: FileSplit, index: number): Promise<EncodedImage> {
  if (contents === undefined) return openImage(pathAt(paths, index));
  // A copy, as sharp takes no shared memory.
  const bytes = Buffer.from(bytesAt(contents, index));
  refuseLarge(bytes.length);
  return openEncoded(bytes);
}

async function openEncoded(bytes: Buffer): Promise<EncodedImage> {
  const format = sniffFormat(bytes);
  if (format === undefined) throw new BadImageError('is no JPEG, PNG, GIF, WebP, TIFF or AVIF image');
  const { whole, size } = outlineOf(bytes, format);
  if (!whole) throw new BadImageError(`is truncated: its ${format} data has no end`);
  if (size !== undefined) return { bytes, ...size, hasAlpha: false };
  const samples = format === 'TIFF' ? readTiffSamples(bytes) : undefined;
  if (samples?.unscaled !== undefined) {
    throw new BadImageError(
      `holds ${samples.unscaled}, and nothing says which of them is white: convert it to 8 or 16 bits`,
    );
  }
  // What stands where alpha would, but isn't: infrared, for one. It would be taken for alpha.
  if (!samples?.hasOther) return describe(bytes);
  const coloursAlone = (): Promise<Buffer> =>
    sharp(bytes, inputOptions).removeAlpha().tiff({ compression: 'none' }).toBuffer();
  return describe(await decoding(coloursAlone));
}

async function describe(bytes: Buffer): Promise<EncodedImage> {
  const { autoOrient, hasAlpha } = await decoding(() => sharp(bytes, inputOptions).metadata());
  return { bytes, ...autoOrient, hasAlpha };
}

/**
 * A rectangle of the image, resized to `[height, width, channels]` bytes: RGB, or grey where there is one channel.
 * What is transparent shows the background, 16 bits become 8, CMYK becomes RGB.
 * @throws BadImageError
 */
export function decodeRectangle(
  image: EncodedImage,
  rectangle: Rectangle,
  shape: ImageShape,
  background = defaultBackground,
): Promise<Uint8Array> {
  return pixelsOf(rectanglePipeline(image, rectangle, shape, background), shape);
}

/**
 * The whole image on a background. Before anything is resized: of colours that nobody sees, none may come in at edges.
 * In 8 bits of RGB, as the background is: sharp takes a grey image's from its red alone.
 */
function opaque({ bytes, hasAlpha }: SharpInput, [r, g, b]: Colour): Sharp {
  const image = sharp(bytes, inputOptions);
  return hasAlpha ? image.pipelineColourspace('srgb').flatten({ background: { r, g, b } }) : image;
}

/** An image that is in memory or, to time sharp alone, in a file. */
type SharpInput = Omit<EncodedImage, 'bytes'> & { readonly bytes: Buffer | string };

/** What `decodeRectangle` asks of sharp. */
export function rectanglePipeline(
  image: SharpInput,
  rectangle: Rectangle,
  shape: ImageShape,
  background = defaultBackground,
): Sharp {
  const input = opaque(image, background);
  const [height, width] = shape;
  const across = rectangle.width / width;
  const down = rectangle.height / height;
  // From twice the size on, a JPEG is decoded at a fraction of it: a large photograph in a fraction of the time. The
  // rectangle then lies on whole pixels of the result and not of the original.
  if (Math.min(across, down) >= 2) {
    const whole = {
      width: Math.max(width, Math.round(image.width / across)),
      height: Math.max(height, Math.round(image.height / down)),
    };
    const left = Math.min(whole.width - width, Math.round(rectangle.left / across));
    const top = Math.min(whole.height - height, Math.round(rectangle.top / down));
    return raw(resizeThenCut(input, whole, left, top, shape), shape);
  }
  return raw(input.extract({ ...rectangle }).resize(width, height, resizing), shape);
}

/**
 * The middle of the image: resized so that it covers the shape divided by `share`, both sides rounded, then cut. With a
 * share of 224/256 and a square shape that is torchvision's evaluation of ImageNet: the shorter side to
 * round(size · 256 / 224), centre crop.
 * @throws BadImageError
 */
export function decodeCentre(
  image: EncodedImage,
  share: number,
  shape: ImageShape,
  background = defaultBackground,
): Promise<Uint8Array> {
  const [height, width] = shape;
  const scale = Math.max(Math.round(width / share) / image.width, Math.round(height / share) / image.height);
  const whole = {
    width: Math.max(width, Math.round(image.width * scale)),
    height: Math.max(height, Math.round(image.height * scale)),
  };
  const left = Math.floor((whole.width - width) / 2);
  const top = Math.floor((whole.height - height) / 2);
  const cut = resizeThenCut(opaque(image, background), whole, left, top, shape);
  return pixelsOf(raw(cut, shape), shape);
}

function resizeThenCut(
  input: Sharp,
  whole: Size,
  left: number,
  top: number,
  [height, width]: ImageShape,
): Sharp {
  return input.resize(whole.width, whole.height, resizing).extract({ left, top, width, height });
}

function raw(pipeline: Sharp, [, , channels]: ImageShape): Sharp {
  return pipeline
    .removeAlpha()
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .raw({ depth: 'uchar' });
}

async function pixelsOf(pipeline: Sharp, [height, width, channels]: ImageShape): Promise<Uint8Array> {
  const pixels = await decoding(() => pipeline.toBuffer());
  if (pixels.length !== height * width * channels) {
    throw new BadImageError(`has pixels that do not become ${channels === 1 ? 'grey' : 'RGB'}`);
  }
  return pixels;
}

/** Whatever goes wrong while decoding is the image's fault; sharp's message has a line for each layer. */
async function decoding<T>(f: () => Promise<T>): Promise<T> {
  try {
    return await f();
  } catch (error) {
    if (error instanceof BadImageError) throw error;
    throw new BadImageError(`cannot be decoded: ${messageOf(error).split('\n', 1)[0]}`);
  }
}

function refuseLarge(bytes: number): void {
  if (bytes <= limits.fileBytes) return;
  throw new BadImageError(`has ${bytes} bytes, more than the ${limits.fileBytes} of any image`);
}

/** Its size is looked at before anything is read, and that it is a file: reading a pipe would never end. */
function readBounded(path: string): Buffer {
  try {
    const status = statSync(path);
    if (!status.isFile()) throw new BadImageError('is no file');
    refuseLarge(status.size);
    return readFileSync(path);
  } catch (error) {
    if (error instanceof BadImageError) throw error;
    if (isMissing(error)) throw new BadImageError('is missing');
    throw new BadImageError(`cannot be read: ${messageOf(error)}`);
  }
}
