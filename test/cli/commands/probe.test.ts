import { cpSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readProbe } from '../../../src/study/probe-file.js';
import { readSimilarities } from '../../../src/study/similarity-file.js';
import { readRunSummary } from '../../../src/runs/summary.js';
import { pictureConfig, writePictures } from '../helpers.js';
import { residentProgram } from '../resident.js';

const run = residentProgram();

let folder: string;
let bp: string;
let contsup: string;

/** Trains, and gives the run's folder. */
async function trained(method: string): Promise<string> {
  const config = join(folder, `${method}.yaml`);
  writeFileSync(config, pictureConfig(join(folder, 'data'), `method: { method: ${method} }`));
  const out = join(folder, method);
  const { code, stderr } = await run(['train', config, '--out', out, '--quiet']);
  expect(code, stderr).toBe(0);
  return join(out, readdirSync(out)[0]!);
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'locallearn-probe-'));
  await writePictures(join(folder, 'data'));
  [bp, contsup] = [await trained('bp'), await trained('contsup')];
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

describe('probe', () => {
  it('measures a linear classifier after each unit, and the network as training did', async () => {
    const { code, stdout, stderr } = await run(['probe', bp]);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('fitting: 0 of 4 probes');
    const report = readProbe(bp);
    expect(report).toMatchObject({
      label: 'bp',
      network: 'resnet-8',
      trainImages: 64,
      testImages: 32,
      seed: 1,
    });
    expect(report.units.map(({ name }) => name)).toEqual(['stem', 'layer1.0', 'layer2.0', 'layer3.0']);
    // The weights are in their places: it is the accuracy that training ended with.
    expect(report.networkAccuracy).toBeCloseTo(readRunSummary(join(bp, 'summary.json')).accuracy!, 12);
    for (const { name } of report.units) expect(stdout).toContain(name);
    expect(stdout.trimEnd().endsWith('probe.json')).toBe(true);
  });

  it('reads data that has moved from where --set says', async () => {
    const moved = join(folder, 'moved');
    const data = join(folder, 'data');
    renameSync(data, moved);
    try {
      const lost = await run(['probe', bp, '--quiet']);
      expect(lost).toMatchObject({
        code: 1,
        stderr: expect.stringContaining(`${data} is missing`) as string,
      });
      const found = await run(['probe', bp, '--quiet', '--json', '--set', `data.dir=${moved}`]);
      expect({ code: found.code, stderr: found.stderr }).toEqual({ code: 0, stderr: '' });
      expect(JSON.parse(found.stdout)).toMatchObject({ trainImages: 64, testImages: 32 });
    } finally {
      renameSync(moved, data);
    }
  });

  it('refuses to look at a run with other options than it was trained with', async () => {
    const { code, stderr } = await run(['probe', bp, '--quiet', '--set', 'data.validation=0.5']);
    expect(code).toBe(1);
    expect(stderr).toContain('data.validation: not set there, 0.5 here');
  });

  it('compares the units of two runs, also where a method adds to the network, as JSON', async () => {
    const { code, stdout, stderr } = await run(['probe', contsup, '--against', bp, '--json', '--quiet']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [report] = readSimilarities(contsup);
    expect(JSON.parse(stdout)).toEqual(report);
    expect(report).toMatchObject({
      a: { folder: basename(contsup), label: 'contsup' },
      b: { folder: basename(bp), label: 'bp' },
      unitsA: ['stem', 'layer1.0', 'layer2.0', 'layer3.0'],
      images: 32,
    });
    expect(report!.similarity.flat()).toHaveLength(16);
    await run(['probe', bp, '--against', bp, '--quiet']);
    readSimilarities(bp)[0]!.similarity.forEach((row, i) => expect(row[i]).toBeCloseTo(1, 5));
  });

  const changed = (change: (copy: string) => void): string => {
    const copy = mkdtempSync(join(folder, 'copy-'));
    cpSync(bp, copy, { recursive: true });
    rmSync(join(copy, 'probe.json'), { force: true });
    change(copy);
    return copy;
  };
  const edit = (file: string, from: RegExp, to: string) => (copy: string) => {
    const path = join(copy, file);
    const text = readFileSync(path, 'utf8');
    expect(text).toMatch(from);
    writeFileSync(path, text.replace(from, to));
  };
  it.each<[string, (copy: string) => void, RegExp]>([
    ['no config', (copy) => rmSync(join(copy, 'config.yaml')), /not a run folder: it has no config.yaml/],
    ['no summary', (copy) => rmSync(join(copy, 'summary.json')), /the run has not ended/],
    [
      'no finished epoch',
      edit('summary.json', /"epochs": 2/, '"seconds": 0'),
      /before its first epoch ended/,
    ],
    ['no weights', (copy) => rmSync(join(copy, 'weights.safetensors')), /has no weights.safetensors/],
    [
      'another network',
      edit('config.yaml', /layers: 8/, 'layers: 14'),
      /not the weights of this resnet-14: layer1\.1/,
    ],
  ])('refuses a folder with %s in a line', async (_, change, message) => {
    const copy = changed(change);
    const { code, stderr } = await run(['probe', copy, '--quiet']);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(readdirSync(copy)).not.toContain('probe.json');
  });

  it('refuses a number of images that is none', async () => {
    const { code, stderr } = await run(['probe', bp, '--images', '0']);
    expect({ code, stderr: stderr.split('\n')[0] }).toEqual({
      code: 2,
      stderr: 'error: --images must be a whole number from 1, not 0',
    });
  });
});
