import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { tiffFile } from '../../data/tiff-writer.js';
import { residentProgram } from '../resident.js';

const run = residentProgram();

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'locallearn-cli-kinds-'))));
afterAll(() => rmSync(folder, { recursive: true }));

it('data verify names a TIFF file of floating-point numbers, and says once what was left out and what was taken for one', async () => {
  const dir = join(folder, 'kinds');
  const grey = { create: { width: 8, height: 8, channels: 3, background: '#808080' } } as const;
  const picture = await sharp(grey).png().toBuffer();
  for (const [split, name] of [
    ['train', 'caf\u00e9'],
    ['test', 'cafe\u0301'],
    ['train', '@eaDir'],
    ['train', 'blue'],
  ] as const) {
    mkdirSync(join(dir, split, name), { recursive: true });
    writeFileSync(join(dir, split, name, '1.png'), picture);
  }
  const samples = Float32Array.of(0, 0.25, 0.5, 1);
  writeFileSync(
    join(dir, 'train', 'blue', 'f.tif'),
    tiffFile({ width: 2, height: 2, samples, format: 'float', channels: 1 }),
  );
  const { code, stderr } = await run(['data', 'verify', 'folder', '--dir', dir]);
  expect(stderr.match(/^note: left out, as no classes: @eaDir in /gm)).toHaveLength(1);
  expect(stderr.match(/^note: the class folders caf\u00e9: accents composed and decomposed/gm)).toHaveLength(
    1,
  );
  expect(stderr).toMatch(/^error: .*\/train\/blue\/f\.tif holds 32-bit floating-point numbers, /m);
  expect(code).toBe(1);
  const quick = await run(['data', 'verify', 'folder', '--dir', dir, '--quick', '--quiet']);
  // Also if quiet: what was counted is what the notes say was taken.
  expect(quick.code).toBe(0);
  expect(quick.stderr.trimEnd().split('\n')).toEqual([
    expect.stringMatching(/^note: left out, as no classes: @eaDir in /),
    expect.stringMatching(/^note: the class folders caf\u00e9: accents /),
  ]);
  expect(quick.stdout).toMatch(/2 classes, 3 training and 1 test images/);
});

it('data preview shows transparent parts as training sees them', async () => {
  const dir = join(folder, 'clear');
  for (const name of ['a', 'b']) {
    mkdirSync(join(dir, name), { recursive: true });
    const clear = sharp({ create: { width: 32, height: 32, channels: 4, background: '#00000000' } });
    await clear.png().toFile(join(dir, name, '1.png'));
    await clear.png().toFile(join(dir, name, '2.png'));
  }
  const shownWith = async (...set: readonly string[]): Promise<number[]> => {
    const out = join(folder, 'clear.png');
    const options = ['--set', 'data.validation=0.5', '--set', 'data.imageSize=32', ...set];
    const { code } = await run(['data', 'preview', 'folder', '--dir', dir, '--out', out, ...options]);
    expect(code).toBe(0);
    // A pixel of the first image.
    return [...(await sharp(out).extract({ left: 20, top: 20, width: 1, height: 1 }).raw().toBuffer())];
  };
  expect(await shownWith()).toEqual([255, 255, 255]);
  expect(await shownWith('--set', 'data.background=[10, 200, 30]')).toEqual([10, 200, 30]);
});
