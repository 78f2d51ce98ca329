import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { residentProgram } from './resident.js';

const run = residentProgram();

// Each test starts several processes.
vi.setConfig({ testTimeout: 240_000 });

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'locallearn-identity-'))));
afterEach(() => rmSync(folder, { recursive: true }));

/** A folder of images of two classes, `shade` apart from others, and a list of them. */
async function paint(name: string, classes: readonly [string, string], shade = 0): Promise<string> {
  const dir = join(folder, name);
  const rows = ['path,label,split'];
  for (const split of ['train', 'test']) {
    for (const [label, kind] of classes.entries()) {
      mkdirSync(join(dir, split, kind), { recursive: true });
      for (let i = 0; i < 6; i++) {
        const path = `${split}/${kind}/${i}.png`;
        const background = { r: 200 * label + i, g: 40 * i, b: shade };
        await sharp({ create: { width: 32, height: 32, channels: 3, background } }).toFile(join(dir, path));
        rows.push(`${path},${kind},${split}`);
      }
    }
  }
  writeFileSync(join(dir, 'list.csv'), rows.join('\n'));
  return dir;
}

function configOf(data: string): string {
  const path = join(folder, 'config.yaml');
  writeFileSync(
    path,
    `
name: tiny
data: ${data}
network: { name: resnet, layers: 8 }
train: { epochs: 1, batchSize: 6, learningRate: 0.05, schedule: constant, workers: 0 }
method: { method: bp }
`,
  );
  return path;
}

const folderConfig = (dir: string): string => configOf(`{ name: folder, dir: ${dir}, imageSize: 32 }`);

/** The only folder in a folder. */
function only(parent: string): string {
  const [name, ...others] = readdirSync(parent, { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  );
  expect(others).toEqual([]);
  return join(parent, name!.name);
}

/** A run that was interrupted after its epoch, as far as its folder tells. */
async function begun(config: string): Promise<string> {
  const out = join(folder, 'begun');
  expect((await run(['train', config, '--out', out, '--quiet'])).code).toBe(0);
  rmSync(join(only(out), 'summary.json'));
  return only(out);
}

/** What a refused command says after the path of the run that it is about; that is one line, and all. */
async function refusal(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(args);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  const [, message] = /^error: \S+: (.*)\n$/.exec(stderr) ?? [];
  expect(message ?? stderr).toBe(message);
  return message!;
}

describe('compare', () => {
  it('refuses a list whose labels were edited, and says in a line, even if quiet, what it skips', async () => {
    const dir = await paint('zoo', ['cat', 'dog']);
    const list = join(dir, 'list.csv');
    const args = ['compare', configOf(`{ name: csv, file: ${list}, imageSize: 32 }`), '--quiet'];
    const out = ['--out', join(folder, 'out')];
    expect(await run([...args, ...out])).toMatchObject({ code: 0, stderr: '' });
    const again = await run([...args, ...out]);
    expect(again.code).toBe(0);
    expect(again.stderr).toBe(`bp, seed 1: is finished in ${only(join(folder, 'out'))}\n`);

    const swapped = readFileSync(list, 'utf8').replaceAll(/[123]\.png,(cat|dog)/g, (row, label: string) =>
      row.replace(label, label === 'cat' ? 'dog' : 'cat'),
    );
    writeFileSync(list, swapped);
    expect(await refusal([...args, ...out])).toBe(
      'holds bp, seed 1, trained on other data: train: other labels of the same files; test: other labels of the same files: name another --out, leave out a --from that has it, or put the data back as it was',
    );
    const from = await refusal([...args, '--out', join(folder, 'other'), '--from', join(folder, 'out')]);
    expect(from).toContain('trained on other data: train: other labels of the same files');
    expect(readdirSync(folder)).not.toContain('other');
    expect((await run([...args, '--out', join(folder, 'other')])).code).toBe(0);
  });

  it('takes runs of older versions, which recorded no data, from the same path alone, and says so', async () => {
    const dir = await paint('zoo', ['cat', 'dog']);
    const args = ['compare', folderConfig(dir), '--quiet', '--out', join(folder, 'out')];
    await run(args);
    rmSync(join(only(join(folder, 'out')), 'data.json'));
    const again = await run(args);
    expect(again.code).toBe(0);
    expect(again.stderr).toMatch(
      /^bp, seed 1: is finished in \S+ \(an older version did not record what .*\)\n$/,
    );
    cpSync(dir, join(folder, 'copy'), { recursive: true });
    const message = await refusal([...args, '--set', `data.dir=${join(folder, 'copy')}`]);
    expect(message).toContain(
      `${dir} there, ${join(folder, 'copy')} here, and what was there is not recorded`,
    );
  });
});

describe('train --resume', () => {
  it('refuses a folder in which a class was renamed or images were added, and takes one that was moved', async () => {
    const dir = await paint('zoo', ['cat', 'dog']);
    const run1 = await begun(folderConfig(dir));
    const inBoth = (from: string, to: string): void =>
      ['train', 'test'].forEach((split) => renameSync(join(dir, split, from), join(dir, split, to)));
    const resume = ['train', '--resume', run1];
    const end = ': put the data back as it was, or train anew';
    const begin = 'the run is of other data than is here now: ';

    inBoth('cat', 'zebra');
    expect(await refusal(resume)).toBe(`${begin}classes: cat only there, zebra only here${end}`);
    inBoth('zebra', 'cat');
    const added = [7, 8].map((i) => join(dir, 'train', 'cat', `${i}.png`));
    added.forEach((path) => cpSync(join(dir, 'train', 'cat', '1.png'), path));
    expect(await refusal(resume)).toBe(`${begin}train: 12 images there, 14 here (cat 6 there, 8 here)${end}`);
    added.forEach((path) => rmSync(path));
    renameSync(dir, join(folder, 'moved'));
    const moved = await run([...resume, '--set', `data.dir=${join(folder, 'moved')}`]);
    expect(moved.code).toBe(0);
    expect(moved.stderr).toContain('goes on from the checkpoint after epoch 1');
  });
});

it('never takes runs on other data for seeds of one series, nor probes or compares units across them', async () => {
  const cats = await paint('cats', ['cat', 'dog']);
  const cars = await paint('cars', ['audi', 'bmw'], 99);
  const config = folderConfig(cats);
  const runs = join(folder, 'runs');
  for (const [out, dir, seed] of [
    ['a', cats, '1'],
    ['b', cars, '2'],
  ] as const) {
    const set = ['--seed', seed, '--set', `data.dir=${dir}`, '--quiet'];
    expect((await run(['train', config, '--out', join(runs, out), ...set])).code).toBe(0);
  }
  expect((await run(['report', runs])).code).toBe(0);
  const titles = readFileSync(join(runs, 'report.html'), 'utf8').match(/<h2>resnet[^<]*/g);
  expect(titles).toHaveLength(2);
  expect(titles![0]).toContain('12 training images of cat, dog (');
  expect(titles![1]).toContain('12 training images of audi, bmw (');

  const [a, b] = [only(join(runs, 'a')), only(join(runs, 'b'))];
  const other = 'the run is of other data than is here now: classes: ';
  expect(await refusal(['probe', a, '--against', b])).toContain(`${other}audi, bmw only there`);
  cpSync(join(cats, 'train', 'cat', '1.png'), join(cats, 'train', 'cat', '9.png'));
  expect(await refusal(['probe', a])).toContain('train: 12 images there, 13 here (cat 6 there, 7 here)');
});
