import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRunSummary } from '../../../src/runs/summary.js';
import { tinyConfig, writeFashionMnist } from '../helpers.js';
import { residentProgram } from '../resident.js';

const run = residentProgram();

let folder: string;
let fashion: string;
let pets: string;

async function trained(name: string, text: string): Promise<string> {
  const config = join(folder, `${name}.yaml`);
  writeFileSync(config, text);
  const out = join(folder, name);
  const { code, stderr } = await run(['train', config, '--out', out, '--quiet']);
  expect(code, stderr).toBe(0);
  return join(out, readdirSync(out)[0]!);
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'locallearn-evaluate-'));
  writeFashionMnist(join(folder, 'data'));
  fashion = await trained('fashion', tinyConfig(join(folder, 'data'), 'method: { method: dgl }'));
  for (const split of ['train', 'test']) {
    for (const [label, background] of Object.entries({ 'cat, big': '#e02010', dog: '#1030e0' })) {
      mkdirSync(join(folder, 'pets', split, label), { recursive: true });
      for (let i = 0; i < 8; i++) {
        const create = { width: 40, height: 32, channels: 3, background } as const;
        await sharp({ create }).toFile(join(folder, 'pets', split, label, `${i}.png`));
      }
    }
  }
  pets = await trained(
    'pet-run',
    `
name: pets
data: { name: folder, dir: ${JSON.stringify(join(folder, 'pets'))}, imageSize: 32 }
network: { name: resnet, layers: 8 }
train: { epochs: 3, batchSize: 8, learningRate: 0.05, schedule: constant, workers: 1 }
method: { method: bp }
`,
  );
}, 180_000);
afterAll(() => rmSync(folder, { recursive: true }));

interface Evaluated {
  readonly accuracy: number;
  readonly loss: number;
  readonly images: number;
  readonly evaluatedOn: string;
  readonly counts: readonly (readonly number[])[];
}

describe('evaluate', { timeout: 60_000 }, () => {
  it('has the accuracy and the loss that training ended with, and where they come from', async () => {
    const { code, stdout, stderr } = await run(['evaluate', fashion, '--json', '--quiet']);
    expect(code, stderr).toBe(0);
    const evaluation = JSON.parse(stdout) as Evaluated;
    const summary = readRunSummary(join(fashion, 'summary.json'));
    expect(evaluation).toMatchObject({ images: 32, evaluatedOn: 'test' });
    expect(evaluation.accuracy).toBeCloseTo(summary.accuracy!, 12);
    const counted = evaluation.counts.flat().reduce((sum, count) => sum + count, 0);
    const right = evaluation.counts.reduce((sum, row, i) => sum + row[i]!, 0);
    expect([counted, right / counted]).toEqual([32, evaluation.accuracy]);
  });

  it('shows every class, and the confusion matrix as CSV', async () => {
    const table = await run(['evaluate', pets, '--on', 'train', '--quiet']);
    expect(table.code, table.stderr).toBe(0);
    expect(table.stdout).toMatch(/^bp on 16 train images: accuracy .* %, loss /);
    expect(table.stdout).toMatch(/^cat, big +8 /m);
    const { stdout } = await run(['evaluate', pets, '--csv', '--quiet']);
    expect(stdout).toMatch(/^class,"cat, big",dog\n"cat, big",\d,\d\ndog,\d,\d\n$/);
  });

  it('refuses other data than the run was trained on', async () => {
    const other = await run(['evaluate', pets, '--set', 'data.imageSize=64', '--quiet']);
    expect(other).toMatchObject({ code: 1, stdout: '' });
    expect(other.stderr).toContain('data.imageSize');
  });
});

describe('predict', { timeout: 60_000 }, () => {
  it('reads image files as they were read for evaluation', async () => {
    const test = join(folder, 'pets', 'test');
    const { code, stdout, stderr } = await run(['predict', pets, test, '--top', '2', '--json', '--quiet']);
    expect(code, stderr).toBe(0);
    const answers = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { file: string; classes: { name: string; probability: number }[] });
    expect(answers.map(({ file }) => file)).toHaveLength(16);
    const evaluated = JSON.parse((await run(['evaluate', pets, '--json', '--quiet'])).stdout) as Evaluated;
    const right = answers.filter(({ file, classes }) => file.includes(`/${classes[0]!.name}/`)).length;
    expect(right / 16).toBe(evaluated.accuracy);
    const loss = answers.map(
      ({ file, classes }) => -Math.log(classes.find(({ name }) => file.includes(`/${name}/`))!.probability),
    );
    expect(loss.reduce((sum, value) => sum + value) / 16).toBeCloseTo(evaluated.loss, 6);
  });

  it('pads grey pictures as Fashion-MNIST is padded, with no data set there', async () => {
    const bar = Buffer.alloc(784);
    bar.fill(220, 3 * 56, 4 * 56);
    const picture = join(folder, 'bar.png');
    await sharp(bar, { raw: { width: 28, height: 28, channels: 1 } }).toFile(picture);
    const moved = await run(['predict', fashion, picture, '--csv', '--top', '3', '--quiet']);
    expect(moved.code, moved.stderr).toBe(0);
    expect(moved.stdout.split('\n')[0]).toBe('file,rank,class,probability');
    expect(moved.stdout.trimEnd().split('\n')).toHaveLength(4);
  });

  it('names files that are no images, and answers for the others', async () => {
    const broken = join(folder, 'broken.png');
    writeFileSync(broken, 'no image');
    const good = join(folder, 'pets', 'test', 'dog', '0.png');
    const { code, stdout, stderr } = await run(['predict', pets, good, broken, '--quiet']);
    expect(code).toBe(1);
    expect(stdout).toContain(good);
    expect(stderr).toContain(`${broken} is no JPEG`);
    const lost = await run(['predict', pets, join(folder, 'nowhere.png')]);
    expect(lost).toMatchObject({ code: 1, stdout: '' });
    expect(lost.stderr).toContain('nowhere.png');
  });
});
