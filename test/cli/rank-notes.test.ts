import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ended, pictureConfig, start, writePictures } from './helpers.js';
import { hasGroups } from './ranks.js';
import { residentRanks } from './resident.js';

describe.skipIf(!hasGroups)('what ranks on one machine say', () => {
  let work: string;
  /** Of 65 images in batches of 16 one is left over. */
  let command: readonly string[];
  beforeAll(async () => {
    work = mkdtempSync(join(tmpdir(), 'locallearn-rank-notes-'));
    await writePictures(join(work, 'data'));
    const path = join(work, 'a.yaml');
    const text = pictureConfig(join(work, 'data'), 'method: { method: auglocal, depth: 1 }');
    writeFileSync(path, text.replace('trainImages: 64', 'trainImages: 65'));
    command = ['train', path, '--out', join(work, 'runs'), '--set', 'engine=torch'];
  });
  afterAll(() => rmSync(work, { recursive: true }));

  it('rank 0 says for all, of data also where nothing else is wanted', async () => {
    const asked = ['--quiet', '--set', 'parallel=data', '--set', 'train.epochs=1'];
    const [first, second] = await residentRanks(2, [...command, ...asked]);
    expect([first!.code, first!.stderr]).toEqual([0, expect.stringMatching(/^note: of 65 .*\n$/)]);
    expect(second).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('into how many shares batches are divided from here on, where there were others before', async () => {
    const folder = join(work, 'shares');
    const set = ['engine=torch', 'parallel=data', 'train.epochs=1'].flatMap((value) => ['--set', value]);
    const begun = await residentRanks(2, ['train', command[1]!, ...set, '--into', folder]);
    expect(begun.map(({ code }) => code)).toEqual([0, 0]);
    const goesOn = async (epochs: number, ranks: number): Promise<readonly number[]> => {
      const more = ['train', '--resume', folder, '--set', `train.epochs=${epochs}`];
      const outcomes = await residentRanks(ranks, more);
      expect(outcomes.map(({ code }) => code)).toEqual(Array(ranks).fill(0));
      return outcomes.map(({ stderr }) => stderr.split('shared in another way than before').length - 1);
    };
    expect(await goesOn(2, 2)).toEqual([0, 0]);
    expect(await goesOn(3, 1)).toEqual([1]);
    expect(await goesOn(4, 1)).toEqual([0]);
  });

  it('once what code was run, and once that a signal stops all', async () => {
    const plugin = join(work, 'plugin.mjs');
    const module = new URL('../../dist/index.js', import.meta.url).href;
    writeFileSync(
      plugin,
      `import { definePlugin } from ${JSON.stringify(module)};\nexport const plugin = definePlugin({});`,
    );
    const more = ['--plugin', plugin, '--parallel', 'blocks=2', '--set', 'train.epochs=100000'];
    const launcher = start([...command, ...more]);
    launcher.stderr.on('data', (chunk: Buffer) => {
      if (chunk.toString().includes('epoch 1/')) launcher.kill('SIGTERM');
    });
    const { code, stderr } = await ended(launcher);
    expect(code).toBe(128 + 15);
    for (const once of ['note: ran the plugin', 'note: of 65 training images', 'stopping after this step'])
      expect([once, stderr.split(once).length - 1]).toEqual([once, 1]);
    expect(stderr).not.toMatch(/^rank 1: /m);
  });
});
