import { describe, expect, test } from 'vitest';
import { readTiffSamples } from '../../../src/data/files/tiff-samples.js';
import { temporaryFolders } from '../helpers.js';
import { at, blue, centre, expectNear, fault, halves, red, writePicture } from '../pictures.js';
import { tiffFile, type TiffImage } from '../tiff-writer.js';

const temporaryFolder = temporaryFolders();
const write = (name: string, bytes: Uint8Array): string => writePicture(temporaryFolder(), name, bytes);

describe('a TIFF file of numbers', () => {
  const of = (samples: TiffImage['samples'], format: TiffImage['format'], channels = 1): string =>
    write('numbers.tif', tiffFile({ width: 2, height: 2, samples, format, channels }));

  test.each<[string, TiffImage['samples'], TiffImage['format']]>([
    ['32-bit floating-point numbers', Float32Array.of(0, 0.25, 0.5, 1), 'float'],
    ['64-bit floating-point numbers', Float64Array.of(0, 0.25, 0.5, 1), 'float'],
    ['32-bit signed whole numbers', Int32Array.of(0, 100, 30_000, 65_535), 'signed'],
    ['16-bit signed whole numbers', Int16Array.of(-5, 100, 200, 30_000), 'signed'],
    ['32-bit whole numbers', Uint32Array.of(0, 100, 30_000, 65_535), 'unsigned'],
  ])('that are %s is refused, for nothing says which is white', async (kind, samples, format) => {
    const message = `holds ${kind}, and nothing says which of them is white: convert it to 8 or 16 bits`;
    expect(await fault(of(samples, format))).toBe(message);
    const colours = Array.from(samples, (value) => [value, value, value]).flat();
    const Samples = samples.constructor as new (values: readonly number[]) => TiffImage['samples'];
    expect(await fault(of(new Samples(colours), format, 3))).toBe(message);
  });

  test.each<[string, TiffImage['samples']]>([
    ['8', Uint8Array.of(0, 64, 128, 255)],
    ['16', Uint16Array.of(0, 16_448, 32_896, 65_535)],
  ])('of %s bits is scaled by them', async (_, samples) => {
    const pixels = await centre(of(samples, 'unsigned'), [2, 2, 1]);
    expectNear(pixels, [0, 64, 128, 255], 0);
  });

  test('that are colours of CIE Lab is decoded', async () => {
    const lab = await halves(16, 16).toColourspace('lab').tiff({ compression: 'none' }).toBuffer();
    const pixels = await centre(write('lab.tif', lab), [8, 8, 3]);
    expectNear(at(pixels, 1, 1), red, 4);
    expectNear(at(pixels, 6, 6), blue, 4);
  });

  test('of which the most significant byte comes first is read so', () => {
    const entry = (tag: number, value: number): number[] =>
      [0, tag >> 8, tag & 255, 0, 3, 0, 0, 0, 1, 0, value, 0, 0].slice(1);
    const header = [0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 3];
    const file = Buffer.from([...header, ...entry(258, 32), ...entry(338, 0), ...entry(339, 3)]);
    expect(readTiffSamples(file)).toEqual({ unscaled: '32-bit floating-point numbers', hasOther: true });
    expect(readTiffSamples(file.subarray(0, 20))).toEqual({ hasOther: false });
  });
});
