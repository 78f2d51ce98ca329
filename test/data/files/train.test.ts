import { copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../cli/helpers.js';
import { residentProgram } from '../../cli/resident.js';
import { temporaryFolders } from '../helpers.js';
import { write } from './tree.js';

const run = residentProgram();
const folder = temporaryFolders();
const SIZE = { train: 12, test: 4 } as const;

/** Images of several sizes and kinds, each class with a colour of its own, and a list of them. */
async function paint(dir: string): Promise<void> {
  const rows = ['path,label,split'];
  for (const [split, count] of Object.entries(SIZE)) {
    for (const [label, background] of Object.entries({ red: '#e02010', blue: '#1030e0' })) {
      mkdirSync(join(dir, split, label), { recursive: true });
      for (let i = 0; i < count; i++) {
        const path = `${split}/${label}/${i}.${['jpg', 'png', 'webp'][i % 3]}`;
        const create = { width: 30 + 7 * i, height: 60 - 3 * i, channels: 3, background } as const;
        await sharp({ create }).toFile(join(dir, path));
        rows.push(`${path},${label},${split}`);
      }
    }
  }
  write(dir, 'list.csv', rows.join('\n'));
}

/** Trains two epochs through the command line. */
function train(dir: string, data: string): Promise<Outcome> {
  const config = `
name: tiny
data: ${data}
network: { name: resnet, layers: 8 }
train: { epochs: 2, batchSize: 8, learningRate: 0.05, schedule: constant, workers: 2 }
method: { method: bp }
`;
  return run(['train', write(dir, 'config.yaml', config), '--out', join(dir, 'runs')]);
}

/** A file of the only run. */
function fileOf(dir: string, file: string): string {
  const [name] = readdirSync(join(dir, 'runs'));
  return readFileSync(join(dir, 'runs', name!, file), 'utf8');
}

function summary(dir: string): Record<string, unknown> {
  return JSON.parse(fileOf(dir, 'summary.json')) as Record<string, unknown>;
}

describe('training on image files', () => {
  test.each([
    ['a folder', (dir: string) => `{ name: folder, dir: ${dir}, imageSize: 32 }`, 'test'],
    [
      'a list',
      (dir: string) => `{ name: csv, file: ${dir}/list.csv, imageSize: [32, 32], channels: 1 }`,
      'test',
    ],
    [
      'a held-out share',
      (dir: string) => `{ name: folder, dir: ${dir}, imageSize: 32, validation: 0.25 }`,
      'validation',
    ],
  ])('%s, with workers', async (_, data, evaluatedOn) => {
    const dir = folder();
    await paint(dir);
    const { code, stdout, stderr } = await train(dir, data(dir));
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stdout).toContain(`${evaluatedOn} accuracy`);
    expect(stderr).toContain(`epoch 2/2  loss`);
    expect(summary(dir)).toMatchObject({ status: 'finished', epochs: 2, evaluatedOn });
    expect(fileOf(dir, 'metrics.csv').split('\n')[0]).toContain(
      `,trainLoss,${evaluatedOn}Loss,${evaluatedOn}Accuracy,`,
    );
    const ends = fileOf(dir, 'log.jsonl')
      .split('\n')
      .filter((line) => line.includes('"epoch-end"'));
    expect(ends.map((line) => (JSON.parse(line) as { evaluatedOn: string }).evaluatedOn)).toEqual([
      evaluatedOn,
      evaluatedOn,
    ]);
  });

  test('ends with a line where a path of the list is absent', async () => {
    const dir = folder();
    await paint(dir);
    write(dir, 'list.csv', `${readFileSync(join(dir, 'list.csv'), 'utf8')}\ntrain/red/99.jpg,red,train\n`);
    const { code, stderr } = await train(dir, `{ name: csv, file: ${dir}/list.csv, imageSize: 32 }`);
    expect(code).toBe(1);
    expect(stderr).toBe(`error: ${dir}/list.csv:34: ${dir}/train/red/99.jpg is missing\n`);
  });

  const sample = process.env['LOCALLEARN_IMAGENET_SAMPLE'];
  test.skipIf(sample === undefined)('ImageNet images, laid out flat with a ground truth', async () => {
    const dir = folder();
    const images = readdirSync(sample!).filter((name) => /^n\d{8}_.*\.JPEG$/.test(name));
    const wnids = [...new Set(images.map((name) => name.slice(0, 9)))].reverse();
    for (const wnid of wnids) mkdirSync(join(dir, 'train', wnid), { recursive: true });
    mkdirSync(join(dir, 'val'));
    images.forEach((name, i) => {
      copyFileSync(join(sample!, name), join(dir, 'train', name.slice(0, 9), name));
      const copy = `ILSVRC2012_val_${String(i + 1).padStart(8, '0')}.JPEG`;
      copyFileSync(join(sample!, name), join(dir, 'val', copy));
    });
    const truth = images.map((name) => `${wnids.indexOf(name.slice(0, 9)) + 1}\n`).join('');
    write(dir, 'ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt', truth);
    const numbering = wnids.map((wnid, i) => `${wnid} ${i + 1} words\n`).join('');
    write(dir, 'ILSVRC2012_devkit_t12/data/map_clsloc.txt', numbering);
    const { code, stderr } = await train(dir, `{ name: imagenet, dir: ${dir}, imageSize: 32 }`);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(summary(dir)).toMatchObject({ status: 'finished', evaluatedOn: 'validation' });
  });
});
