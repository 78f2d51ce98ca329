import { crc32 } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, test } from 'vitest';
import { decodeCentre, decodeRectangle, openImage } from '../../../src/data/files/decode-file.js';
import { temporaryFolders } from '../helpers.js';
import { centre, expectNear, red, writePicture } from '../pictures.js';
import { tiffFile, type TiffImage } from '../tiff-writer.js';

const temporaryFolder = temporaryFolders();
const write = (name: string, bytes: Uint8Array): string => writePicture(temporaryFolder(), name, bytes);

describe('what is transparent shows the background, whether or not the image is resized', () => {
  const orange = [250, 120, 10] as const;
  /** As bright as that to a grey image. */
  const orangeGrey = 155;
  const channelsOf = (count: number, colour: readonly number[], alpha: number): Uint8Array =>
    Uint8Array.from({ length: 16 * 16 * count }, (_, i) => [...colour, alpha][i % count]!);
  const rgba = (alpha: number): Sharp =>
    sharp(channelsOf(4, red, alpha), { raw: { width: 16, height: 16, channels: 4 } });
  const tiff = (samples: TiffImage['samples'], channels: number, extra: 0 | 1 | 2): Buffer =>
    tiffFile({ width: 16, height: 16, samples, format: 'unsigned', channels, extra });
  const half = (colour: readonly number[], over: readonly number[]): number[] =>
    colour.map((value, c) => (value + over[c]!) / 2);
  const greyAlpha = (alpha: number): Sharp => rgba(alpha).toColourspace('b-w');

  const transparent: Record<string, () => Promise<Buffer>> = {
    'an RGBA PNG': () => rgba(0).png().toBuffer(),
    'a palette PNG': () => rgba(0).png({ palette: true }).toBuffer(),
    'a 16-bit RGBA PNG': () => rgba(0).toColourspace('rgb16').png().toBuffer(),
    'a grey PNG with alpha': () => greyAlpha(0).png().toBuffer(),
    'a 16-bit grey PNG with alpha': () => rgba(0).toColourspace('grey16').png().toBuffer(),
    'a WebP': () => rgba(0).webp().toBuffer(),
    'a lossless WebP': () => rgba(0).webp({ lossless: true }).toBuffer(),
    'a GIF': () => rgba(0).gif().toBuffer(),
    'an AVIF': () => rgba(0).avif().toBuffer(),
    'a TIFF': () => Promise.resolve(tiff(channelsOf(4, red, 0), 4, 2)),
    'a TIFF multiplied by its alpha': () => Promise.resolve(tiff(channelsOf(4, [0, 0, 0], 0), 4, 1)),
    'a grey TIFF': () => Promise.resolve(tiff(channelsOf(2, [90], 0), 2, 2)),
  };
  test.each(Object.entries(transparent))('%s', async (_, encode) => {
    const image = await openImage(write('clear.dat', await encode()));
    for (const side of [16, 8, 5, 40]) {
      const whole = { left: 0, top: 0, width: 16, height: 16 };
      const rgb = [side, side, 3] as const;
      const white = Array<number>(side * side * 3).fill(255);
      expect([...(await decodeCentre(image, 1, rgb))]).toEqual(white);
      expect([...(await decodeRectangle(image, whole, rgb))]).toEqual(white);
      const colour = [...(await decodeCentre(image, 1, rgb, orange))];
      expectNear(colour.slice(0, 3), orange, 1);
      expectNear(colour.slice(-3), orange, 1);
      expect([...(await decodeRectangle(image, whole, rgb, orange))]).toEqual(colour);
      const grey = [...(await decodeRectangle(image, whole, [side, side, 1], orange))];
      expectNear(grey, Array<number>(side * side).fill(orangeGrey), 2);
    }
  });

  test('a PNG with one colour for transparent', async () => {
    const opaque = await sharp(channelsOf(3, red, 0), { raw: { width: 16, height: 16, channels: 3 } })
      .png()
      .toBuffer();
    const transparency = Buffer.alloc(18);
    transparency.writeUInt32BE(6);
    transparency.write('tRNS', 4);
    red.forEach((value, c) => transparency.writeUInt16BE(value, 8 + 2 * c));
    transparency.writeUInt32BE(crc32(transparency.subarray(4, 14)), 14);
    const at = opaque.indexOf('IDAT') - 4;
    const path = write('key.png', Buffer.concat([opaque.subarray(0, at), transparency, opaque.subarray(at)]));
    for (const side of [16, 8]) {
      expect(await centre(path, [side, side, 3])).toEqual(Array<number>(side * side * 3).fill(255));
    }
  });

  test('what is half transparent is half of each, and what is opaque as it is', async () => {
    for (const [alpha, expected] of [
      [128, half(red, [255, 255, 255])],
      [255, [...red]],
    ] as const) {
      const path = write('half.png', await rgba(alpha).png().toBuffer());
      for (const side of [16, 8]) expectNear((await centre(path, [side, side, 3])).slice(0, 3), expected, 1);
    }
    const grey = await sharp(channelsOf(2, [90], 255), { raw: { width: 16, height: 16, channels: 2 } })
      .toColourspace('b-w')
      .png()
      .toBuffer();
    expect((await sharp(grey).metadata()).channels).toBe(2);
    expectNear(await centre(write('g.png', grey), [8, 8, 1]), Array<number>(64).fill(90), 1);
  });

  test('a fourth channel of a TIFF that is no alpha is left out', async () => {
    const path = write('infrared.tif', tiff(channelsOf(4, red, 3), 4, 0));
    for (const side of [16, 8]) expectNear((await centre(path, [side, side, 3])).slice(0, 3), red, 0);
  });
});
