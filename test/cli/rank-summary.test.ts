import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readRunSummary, type RunSummary } from '../../src/runs/summary.js';
import { pictureConfig, writePictures } from './helpers.js';
import { hasGroups } from './ranks.js';
import { residentProgram, residentRanks } from './resident.js';

const run = residentProgram();

let work: string;
beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), 'locallearn-rank-summary-'));
  await writePictures(join(work, 'data'));
  const text = pictureConfig(join(work, 'data'), 'method: { method: auglocal, depth: 1 }');
  writeFileSync(join(work, 'a.yaml'), text);
});
afterAll(() => rmSync(work, { recursive: true }));

it.skipIf(!hasGroups)(
  'ranks that share blocks or batches have the fields of one process, and its counts',
  async () => {
    const summaryOf = async (name: string, size: number, ...set: string[]): Promise<RunSummary> => {
      const settings = [...set, 'engine=torch', 'train.epochs=1'].flatMap((each) => ['--set', each]);
      const args = [
        'train',
        join(work, 'a.yaml'),
        '--quiet',
        '--into',
        join(work, `run-${name}`),
        ...settings,
      ];
      const outcomes = size === 1 ? [await run(args)] : await residentRanks(size, args);
      for (const { code, stderr } of outcomes) expect([code, stderr]).toEqual([0, expect.anything()]);
      return readRunSummary(join(work, `run-${name}`, 'summary.json'));
    };
    const alone = await summaryOf('alone', 1);
    const blocks = await summaryOf('blocks', 2, 'parallel.blocks=2');
    const data = await summaryOf('data', 2, 'parallel=data');
    expect(alone.byClass!.images).toHaveLength(10);
    expect(alone.multiplyAdds!.images).toBe(16);
    for (const ranks of [blocks, data]) {
      expect(Object.keys(ranks).sort()).toEqual([...Object.keys(alone), 'ranks'].sort());
      expect(ranks.multiplyAdds).toEqual(alone.multiplyAdds);
      expect(ranks.byClass!.images).toEqual(alone.byClass!.images);
    }
    expect(blocks.byClass).toEqual(alone.byClass);
    expect(blocks.ranks!.perRank.map(({ multiplyAdds }) => multiplyAdds!.images)).toEqual([16, 16]);
    expect(data.ranks!.perRank.map(({ multiplyAdds }) => multiplyAdds!.images)).toEqual([8, 8]);
  },
);
