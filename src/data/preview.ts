import sharp from 'sharp';
import { UserError } from '../core/errors.js';
import { shortened } from '../core/text.js';
import type { Dataset } from './dataset.js';
import { openLoader } from './loader/loader.js';
import { holdsFloats } from './split.js';

export interface PreviewOptions {
  /** Images to show; all that the epoch has if there are no more. */
  readonly images: number;
  readonly seed: number;
  /** Whether they are varied, as training sees them. */
  readonly augment: boolean;
}

/** Small images are enlarged, each pixel to a square, to about so many pixels. */
const leastSide = 96;
const gap = 8;
const labelHeight = 18;
const fontSize = 12;
/** Of a letter of that size, on average. */
const letterWidth = 6.6;

/**
 * A PNG with the first images of the first epoch as a run with this seed trains on them, each with its class below.
 * @throws UserError if an image cannot be decoded and the data set says that this is an error, or none can, and of images
 * that have no colours
 */
export async function previewImage(dataset: Dataset, options: PreviewOptions): Promise<Buffer> {
  const { imageShape, classes } = dataset;
  const [height, width, channels] = imageShape;
  if (holdsFloats(dataset.train) || (channels !== 1 && channels !== 3)) {
    const what = holdsFloats(dataset.train) ? 'of floating-point numbers' : `of ${channels} channels`;
    throw new UserError(
      `${dataset.name}: images ${what} cannot be drawn: a preview is of bytes with 1 or 3 channels`,
    );
  }
  const { images, labels } = await firstImages(dataset, options);
  if (labels.length === 0) {
    throw new UserError(`${dataset.name}: not one training image could be decoded: "data verify" names them`);
  }
  const columns = Math.ceil(Math.sqrt((labels.length * (height + labelHeight)) / width));
  const rows = Math.ceil(labels.length / columns);
  const scale = Math.max(1, Math.round(leastSide / Math.max(width, height)));
  const cell = { width: width * scale + gap, height: height * scale + labelHeight + gap };
  const canvas = { width: columns * cell.width + gap, height: rows * cell.height + gap };
  const pixels = Buffer.alloc(canvas.width * canvas.height * 3, 255);
  const texts = labels.map((label, i) => {
    const left = gap + (i % columns) * cell.width;
    const top = gap + Math.floor(i / columns) * cell.height;
    for (let y = 0; y < height * scale; y++) {
      for (let x = 0; x < width * scale; x++) {
        const from = ((i * height + Math.floor(y / scale)) * width + Math.floor(x / scale)) * channels;
        const to = ((top + y) * canvas.width + left + x) * 3;
        for (let c = 0; c < 3; c++) pixels[to + c] = images[from + (channels === 1 ? 0 : c)]!;
      }
    }
    const text = shortened(classes[label]!, Math.floor((cell.width - 2) / letterWidth));
    return `<text x="${left}" y="${top + height * scale + fontSize + 2}">${escaped(text)}</text>`;
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${canvas.width}" height="${canvas.height}" font-family="sans-serif" font-size="${fontSize}">${texts.join('')}</svg>`;
  // All of it is our own: sharp's bound on pixels is against files that claim to be huge.
  const limitInputPixels = false;
  return sharp(pixels, { raw: { ...canvas, channels: 3 }, limitInputPixels })
    .composite([{ input: Buffer.from(svg), left: 0, top: 0, limitInputPixels }])
    .removeAlpha()
    .png()
    .toBuffer();
}

async function firstImages(
  dataset: Dataset,
  { images: wanted, seed, augment }: PreviewOptions,
): Promise<{ images: Uint8Array; labels: number[] }> {
  const [height, width, channels] = dataset.imageShape;
  const imageBytes = height * width * channels;
  const count = Math.min(wanted, dataset.train.size);
  const images = new Uint8Array(count * imageBytes);
  const labels: number[] = [];
  const loader = openLoader(dataset, dataset.train, {
    batchSize: Math.min(count, 32),
    seed,
    shuffle: true,
    augment,
    dropLast: false,
    workers: 0,
    prefetch: 1,
  });
  try {
    for await (const batch of loader.batches(1)) {
      const taken = Math.min(batch.size, count - labels.length);
      images.set(batch.images.subarray(0, taken * imageBytes), labels.length * imageBytes);
      labels.push(...batch.labels.subarray(0, taken));
      if (labels.length === count) break;
    }
  } finally {
    await loader.close();
  }
  return { images, labels };
}

/** As text of an XML document, in which most control characters may not stand at all. */
function escaped(text: string): string {
  const names: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
  return text
    .replaceAll(/[\p{Cc}\p{Cs}\uFFFE\uFFFF]/gu, '\uFFFD')
    .replaceAll(/[&<>]/g, (letter) => names[letter]!);
}
