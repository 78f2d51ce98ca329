import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import fc from 'fast-check';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, test } from 'vitest';
import { fuzzRuns } from '../../support/fuzz.js';
import { BadImageError } from '../../../src/data/files/bad-image.js';
import { decodeRectangle, limits, openImage } from '../../../src/data/files/decode-file.js';
import { temporaryFolders } from '../helpers.js';
import { at, blue, centre, expectNear, fault, halves, red, writePicture } from '../pictures.js';

const temporaryFolder = temporaryFolders();
const write = (name: string, bytes: Uint8Array): string => writePicture(temporaryFolder(), name, bytes);

describe('every kind of picture becomes RGB of the shape', () => {
  const kinds: Record<string, [() => Promise<Buffer>, number]> = {
    JPEG: [() => halves(16, 16).jpeg({ quality: 95, chromaSubsampling: '4:4:4' }).toBuffer(), 6],
    'progressive JPEG': [() => halves(16, 16).jpeg({ quality: 95, progressive: true }).toBuffer(), 12],
    'CMYK JPEG': [() => halves(16, 16).toColourspace('cmyk').jpeg({ quality: 95 }).toBuffer(), 60],
    PNG: [() => halves(16, 16).png().toBuffer(), 0],
    'interlaced PNG': [() => halves(16, 16).png({ progressive: true }).toBuffer(), 0],
    'palette PNG': [() => halves(16, 16).png({ palette: true }).toBuffer(), 4],
    '16-bit PNG': [() => halves(16, 16).toColourspace('rgb16').png().toBuffer(), 1],
    'PNG with alpha': [() => halves(16, 16).ensureAlpha(1).png().toBuffer(), 2],
    WebP: [() => halves(16, 16).webp({ lossless: true }).toBuffer(), 0],
    GIF: [() => halves(16, 16).gif().toBuffer(), 4],
    TIFF: [() => halves(16, 16).tiff({ compression: 'lzw' }).toBuffer(), 0],
    AVIF: [() => halves(16, 16).avif({ quality: 90, chromaSubsampling: '4:4:4' }).toBuffer(), 12],
  };
  test.each(Object.entries(kinds))('%s', async (_, [encode, tolerance]) => {
    // The name says nothing: what counts is the content.
    const pixels = await centre(write('picture.dat', await encode()), [8, 8, 3]);
    expect(pixels).toHaveLength(192);
    expectNear(at(pixels, 1, 1), red, tolerance);
    expectNear(at(pixels, 6, 6), blue, tolerance);
  });

  test.each([
    ['8-bit grey', 'b-w'],
    ['16-bit grey', 'grey16'],
  ])('%s', async (_, space) => {
    const grey = await sharp({ create: { width: 9, height: 9, channels: 3, background: '#646464' } })
      .toColourspace(space)
      .png()
      .toBuffer();
    expect((await sharp(grey).metadata()).channels).toBe(1);
    const path = write('grey.png', grey);
    expectNear(await centre(path, [8, 8, 3]), Array<number>(192).fill(100), 1);
    expectNear(await centre(path, [8, 8, 1]), Array<number>(64).fill(100), 1);
  });

  test('of one channel, where the data set has one: brighter colours are brighter', async () => {
    const pixels = await centre(write('c.png', await halves(16, 16).png().toBuffer()), [8, 8, 1]);
    expect(pixels).toHaveLength(64);
    const both = [pixels[9]!, pixels[14]!];
    for (const value of both) expect(value).toBeGreaterThan(50);
    expect(Math.max(...both)).toBeLessThan(130);
  });

  test('an EXIF orientation is followed', async () => {
    // 6: the top of the scene is at the right of what is stored, so red, stored left, is shown at the bottom.
    const path = write('turned.jpg', await halves(16, 12).withMetadata({ orientation: 8 }).jpeg().toBuffer());
    const image = await openImage(path);
    expect([image.width, image.height]).toEqual([12, 16]);
    const whole = await decodeRectangle(image, { left: 0, top: 0, width: 12, height: 16 }, [8, 8, 3]);
    expectNear(at([...whole], 1, 3), blue, 12);
    expectNear(at([...whole], 6, 3), red, 12);
    const lower = await decodeRectangle(image, { left: 0, top: 9, width: 12, height: 7 }, [8, 8, 3]);
    expectNear(at([...lower], 0, 3), red, 12);
  });
});

test.each<[string, (picture: Sharp) => Sharp]>([
  ['baseline', (picture) => picture.jpeg()],
  ['progressive', (picture) => picture.jpeg({ progressive: true })],
  ['CMYK', (picture) => picture.toColourspace('cmyk').jpeg()],
  ['grey', (picture) => picture.toColourspace('b-w').jpeg()],
  ['with Exif that turns nothing', (picture) => picture.withMetadata({ orientation: 1 }).jpeg()],
  ['with Exif that turns it around', (picture) => picture.withMetadata({ orientation: 3 }).jpeg()],
])('the size of a %s JPEG', async (_, encode) => {
  const image = await openImage(write('size.jpg', await encode(halves(37, 21)).toBuffer()));
  expect([image.width, image.height]).toEqual([37, 21]);
});

describe('geometry', () => {
  /** Each pixel tells its place: red its column, green its row. */
  const places = (width: number, height: number): Sharp => {
    const pixels = Buffer.alloc(width * height * 3);
    for (let i = 0; i < width * height; i++) {
      pixels.set([(255 * (i % width)) / width, (255 * Math.floor(i / width)) / height, 0], 3 * i);
    }
    return sharp(pixels, { raw: { width, height, channels: 3 } });
  };

  test('a rectangle of its own size comes out as it is', async () => {
    const path = write('places.png', await places(64, 64).png().toBuffer());
    const rectangle = { left: 20, top: 33, width: 8, height: 8 };
    const pixels = [...(await decodeRectangle(await openImage(path), rectangle, [8, 8, 3]))];
    for (let y = 0; y < 8; y++) {
      for (let x = 0; x < 8; x++) {
        expectNear(at(pixels, y, x), [(255 * (20 + x)) / 64, (255 * (33 + y)) / 64, 0], 1);
      }
    }
  });

  test.each([
    ['PNG', 1.5],
    ['PNG', 4],
    ['JPEG', 4],
    ['JPEG', 9],
  ])('a rectangle of a %s, shrunk %f times', async (format, times) => {
    const size = 256;
    const picture = places(size, size);
    const encoded =
      format === 'PNG' ? picture.png() : picture.jpeg({ quality: 100, chromaSubsampling: '4:4:4' });
    const path = write('places', await encoded.toBuffer());
    const side = 8 * times;
    const rectangle = { left: 101, top: 58, width: side, height: side };
    const pixels = [...(await decodeRectangle(await openImage(path), rectangle, [8, 8, 3]))];
    // Half a pixel of the result is as much as shrinking on load may move it, and JPEG adds its own.
    const tolerance = 3 + (255 / size) * times * (times >= 2 ? 0.75 : 0.3);
    for (const [y, x] of [
      [0, 0],
      [3, 6],
      [7, 7],
    ] as const) {
      const expected = [101 + (x + 0.5) * times, 58 + (y + 0.5) * times].map(
        (place) => (255 * (place - 0.5)) / size,
      );
      expectNear(at(pixels, y, x).slice(0, 2), expected, tolerance);
    }
  });

  test('the centre: shorter side to round(8 · 256 / 224) = 9, then the middle 8 of both', async () => {
    const path = write('wide.png', await places(36, 18).png().toBuffer());
    const pixels = await centre(path, [8, 8, 3], 224 / 256);
    // Halved to 18×9; columns 5 … 12 and rows 0 … 7 of that.
    for (const [y, x] of [
      [0, 0],
      [4, 4],
      [7, 7],
    ] as const) {
      expectNear(at(pixels, y, x), [(255 * (2 * (5 + x) + 0.5)) / 36, (255 * (2 * y + 0.5)) / 18, 0], 2);
    }
  });

  test('with a share of 1 an image of the shape stays as it is', async () => {
    const raw = await places(8, 8).raw().toBuffer();
    const path = write('same.png', await places(8, 8).png().toBuffer());
    expect(await centre(path, [8, 8, 3])).toEqual([...raw]);
  });

  test.each([
    [1, 1],
    [1, 300],
    [300, 1],
    [5, 2],
  ])('an image of %i×%i fills the shape', async (width, height) => {
    const path = write('thin.png', await halves(width, height).png().toBuffer());
    expect(await centre(path, [8, 8, 3], 224 / 256)).toHaveLength(192);
    const whole = { left: 0, top: 0, width, height };
    expect(await decodeRectangle(await openImage(path), whole, [8, 8, 3])).toHaveLength(192);
  });
});

/** A PNG file of a header and no pixels. */
function hugePng(width: number, height: number): Buffer {
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.alloc(1000))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

describe('a bad image', () => {
  test('truncated, wherever, is told as such', async () => {
    const jpeg = await sharp({ create: { width: 64, height: 64, channels: 3, background: 'teal' } })
      .jpeg()
      .toBuffer();
    const png = await halves(64, 64).png().toBuffer();
    for (const [whole, name] of [
      [jpeg, 'JPEG'],
      [png, 'PNG'],
    ] as const) {
      for (const end of [Math.floor(whole.length * 0.3), Math.floor(whole.length * 0.7), -9]) {
        const cut = whole.subarray(0, end);
        expect(await fault(write('cut', cut))).toBe(`is truncated: its ${name} data has no end`);
      }
    }
  });

  test('a thumbnail’s end is not the picture’s', async () => {
    const jpeg = await halves(64, 64).jpeg().toBuffer();
    const thumbnail = await halves(8, 8).jpeg().toBuffer();
    const segment = Buffer.alloc(4);
    segment.writeUInt16BE(0xffe1);
    segment.writeUInt16BE(2 + thumbnail.length, 2);
    const file = Buffer.concat([jpeg.subarray(0, 2), segment, thumbnail, jpeg.subarray(2)]);
    expect(await centre(write('whole.jpg', file), [8, 8, 3])).toHaveLength(192);
    expect(await fault(write('cut.jpg', file.subarray(0, -40)))).toMatch(/^is truncated/);
  });

  test('junk after the end is no fault', async () => {
    const jpeg = await halves(64, 64).jpeg().toBuffer();
    const path = write('tail.jpg', Buffer.concat([jpeg, Buffer.alloc(9000, 7)]));
    expect(await centre(path, [8, 8, 3])).toHaveLength(192);
  });

  test('a decompression bomb is refused by its header', async () => {
    const message = await fault(write('bomb.png', hugePng(60_000, 60_000)));
    expect(message).toMatch(/pixel limit/);
    expect(60_000 ** 2).toBeGreaterThan(limits.pixels);
  });

  test('a header that promises more than there is', async () => {
    expect(await fault(write('short.png', hugePng(2000, 2000)))).toMatch(/^cannot be decoded: /);
  });

  test.each([
    ['nothing', ''],
    ['text', 'not an image'],
    ['SVG', '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'],
  ])('%s', async (_, text) => {
    expect(await fault(write('x.jpg', Buffer.from(text)))).toBe(
      'is no JPEG, PNG, GIF, WebP, TIFF or AVIF image',
    );
  });

  test('no file, a folder, too large a file', async () => {
    const folder = temporaryFolder();
    expect(await fault(join(folder, 'none.jpg'))).toBe('is missing');
    mkdirSync(join(folder, 'folder.jpg'));
    expect(await fault(join(folder, 'folder.jpg'))).toBe('is no file');
    const large = write('large.jpg', Buffer.alloc(1));
    truncateSync(large, limits.fileBytes + 1);
    expect(await fault(large)).toMatch(/bytes, more than the/);
  });
});

describe('any damage gives an image or a bad image', () => {
  test.each([
    ['JPEG', 2000, () => halves(24, 17).jpeg().toBuffer()],
    ['progressive JPEG', 500, () => halves(24, 17).jpeg({ progressive: true }).toBuffer()],
    ['PNG', 2000, () => halves(24, 17).png().toBuffer()],
    ['GIF', 300, () => halves(24, 17).gif().toBuffer()],
    ['WebP', 300, () => halves(24, 17).webp().toBuffer()],
    ['TIFF', 300, () => halves(24, 17).tiff({ compression: 'deflate' }).toBuffer()],
  ])('%s', async (_, numRuns, encode) => {
    const whole = await encode();
    const path = write('mutated', whole);
    const [decoded, refused] = [{ count: 0 }, { count: 0 }];
    const mutation = fc.record({
      changes: fc.array(fc.tuple(fc.nat({ max: whole.length - 1 }), fc.nat({ max: 255 })), { maxLength: 6 }),
      end: fc.oneof(
        { weight: 3, arbitrary: fc.constant(whole.length) },
        { weight: 1, arbitrary: fc.nat({ max: whole.length }) },
      ),
      tail: fc.uint8Array({ maxLength: 8 }),
    });
    await fc.assert(
      fc.asyncProperty(mutation, async ({ changes, end, tail }) => {
        const bytes = Buffer.concat([whole.subarray(0, end), tail]);
        for (const [place, value] of changes) if (place < bytes.length) bytes[place] = value;
        writeFileSync(path, bytes);
        try {
          expect(await centre(path, [8, 8, 3])).toHaveLength(192);
          decoded.count++;
        } catch (error) {
          if (!(error instanceof BadImageError)) throw error;
          expect(error.message).toMatch(/^[^\n]{1,300}$/);
          refused.count++;
        }
      }),
      { numRuns: fuzzRuns(numRuns) },
    );
    expect([decoded.count > 0, refused.count > 0]).toEqual([true, true]);
  });
});
