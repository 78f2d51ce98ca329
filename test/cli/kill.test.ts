import { checkpointsOf } from '../../src/formats/checkpoint-names.js';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newestCheckpoint } from '../../src/runs/checkpoint/store.js';
import { readMetrics } from '../../src/runs/metrics.js';
import { readRunSummary } from '../../src/runs/summary.js';
import { randomStream, type RandomStream } from '../../src/core/random.js';
import type { EpochMetrics } from '../../src/train/events.js';
import { hasTorch } from '../support/engine.js';
import { fuzzRuns, sampleOf } from '../support/fuzz.js';
import { ended, start } from './helpers.js';

/** Of each method; all methods are killed at the same time. */
const kills = Math.max(2, fuzzRuns(8));
/** Of the moments: in the name of the tests, so that those that found a fault can be tried again. */
const seed = Number(process.env['LOCALLEARN_FUZZ_SEED'] ?? Date.now() % 1_000_000);
const epochs = 6;

let folder: string;
let data: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'locallearn-kill-'));
  data = join(folder, 'data');
  const random = randomStream(1, 'pictures');
  for (const [split, count] of [
    ['train', 12],
    ['test', 4],
  ] as const) {
    for (const name of ['a', 'b']) {
      const own = join(data, split, name);
      mkdirSync(own, { recursive: true });
      for (let i = 0; i < count; i++) {
        const pixels = Uint8Array.from({ length: 12 * 12 * 3 }, () => random.below(256));
        const raw = { width: 12, height: 12, channels: 3 } as const;
        await sharp(pixels, { raw }).toFile(join(own, `${i}.png`));
      }
    }
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What a resumed process cannot repeat: the time that things took, and what its allocator took from the system. */
const ownToProcess = [
  'imagesPerSecond',
  'trainSeconds',
  'evaluationSeconds',
  'dataWaitSeconds',
  'reservedMemoryBytes',
] as const satisfies readonly (keyof EpochMetrics)[];

function numbers(rows: readonly EpochMetrics[]): object[] {
  return rows.map((row) => ({ ...row, ...Object.fromEntries(ownToProcess.map((column) => [column, 0])) }));
}

function only(parent: string): string {
  const [run, ...others] = readdirSync(parent);
  expect(others).toEqual([]);
  return join(parent, run!);
}

/**
 * Lets a child live until it says that it begins to train, or has finished its first or second epoch, and from there
 * for a random part of an epoch's milliseconds. False if it came to its end before.
 */
async function killAtRandom(
  child: ChildProcessWithoutNullStreams,
  epoch: number,
  random: RandomStream,
): Promise<boolean> {
  const outcome = ended(child);
  const wanted = random.below(3);
  let said = '';
  const reached = new Promise<void>((resolve) => {
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      const begun = /goes on from|has no checkpoint/.test(said);
      if ((begun && wanted === 0) || said.split(/: epoch /).length > Math.max(1, wanted)) resolve();
    });
  });
  await Promise.race([reached, outcome]);
  await setTimeout(random.uniform() * epoch);
  child.kill('SIGKILL');
  const { code, stderr } = await outcome;
  if (code !== null && code !== 0) throw new Error(stderr);
  return code === null;
}

describe.skipIf(!hasTorch)(`a run that is killed at random moments, seed ${seed}`, () => {
  it.concurrent.each(
    sampleOf(
      [
        ['bp', '{ method: bp }'],
        ['auglocal', '{ method: auglocal, depth: 1 }'],
        ['man', '{ method: man, blocks: 2 }'],
        ['hpff', '{ method: hpff, blocks: 3 }'],
      ],
      4,
    ),
  )(
    '%s: goes on to the same weights, to the last bit, and the same metrics',
    async (name, method) => {
      const config = join(folder, `${name}.yaml`);
      writeFileSync(
        config,
        `
name: kill
engine: torch
data: { name: folder, dir: ${JSON.stringify(data)}, imageSize: 8 }
network: { name: resnet, layers: 8 }
train: { epochs: ${epochs}, batchSize: 6, learningRate: 0.02, schedule: cosine-steps, workers: ${name === 'bp' ? 1 : 0} }
method: ${method}
`,
      );
      const straight = join(folder, `${name}-straight`);
      const whole = await ended(start(['train', config, '--out', straight]));
      expect(whole).toMatchObject({ code: 0 });
      const expected = readMetrics(join(only(straight), 'metrics.csv'));
      const seconds = expected.reduce((sum, row) => sum + row.trainSeconds + row.evaluationSeconds, 0);
      const weights = (run: string): Buffer => readFileSync(join(run, 'weights.safetensors'));

      const random = randomStream(seed, 'kills', name);
      let killed = 0;
      for (let round = 1; killed < kills; round++) {
        const parent = join(folder, `${name}-${round}`);
        mkdirSync(parent);
        let rows = 0;
        for (let alive = true; alive;) {
          const run = readdirSync(parent)[0];
          const args = run === undefined ? [config, '--out', parent] : ['--resume', join(parent, run)];
          const child = start(['train', ...args]);
          if (killed < kills) alive = await killAtRandom(child, (1000 * seconds) / epochs, random);
          else {
            expect(await ended(child)).toMatchObject({ code: 0 });
            alive = false;
          }
          if (alive) killed++;
          const folderNow = readdirSync(parent)[0];
          if (folderNow === undefined) continue;
          const found = readMetrics(join(parent, folderNow, 'metrics.csv'));
          expect(numbers(found)).toEqual(numbers(expected.slice(0, found.length)));
          expect(found.length).toBeGreaterThanOrEqual(rows);
          rows = found.length;
          const damaged: string[] = [];
          const newest = newestCheckpoint(checkpointsOf(join(parent, folderNow)), (each) =>
            damaged.push(each),
          );
          expect(newest?.position.epochs ?? 0).toBeGreaterThanOrEqual(rows);
          expect(damaged).toEqual([]);
        }
        const run = only(parent);
        expect(rows).toBe(epochs);
        expect(weights(run).equals(weights(only(straight)))).toBe(true);
        expect(readRunSummary(join(run, 'summary.json'))).toMatchObject({ status: 'finished', epochs });
      }
      expect(killed).toBe(kills);
    },
    900_000,
  );
});
