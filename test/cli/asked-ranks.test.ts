import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parallelOf, ranksOf, withAsked } from '../../src/cli/parallel.js';

let work: string;
beforeAll(() => void (work = mkdtempSync(join(tmpdir(), 'locallearn-asked-'))));
afterAll(() => rmSync(work, { recursive: true }));

it.each([
  ['data', undefined],
  ['data=3', 3],
  ['blocks=2', 2],
  ['blocks=2,data=3', 6],
  ['data=3,blocks=2', 6],
])('--parallel %s starts %j ranks', (text, ranks) => {
  expect(ranksOf(parallelOf(text)!)).toBe(ranks);
});

it.each(['blocks', 'data,blocks=2', 'blocks=2,blocks=2', 'blocks=0', 'data=2,', ''])(
  '--parallel "%s" is refused',
  (text) => {
    expect(() => parallelOf(text)).toThrow(/^--parallel must be "data", "data=RANKS", .*got "/);
  },
);

/** What comes of a config's `parallel`, overrides, and what is asked for. */
const asked = async (own: string, text: string, set: readonly string[] = []) => {
  const config = join(work, 'a.yaml');
  writeFileSync(config, `name: a\n${own}\n`);
  return (await withAsked({ config, set, parallel: parallelOf(text) })).set;
};

it('takes the place of how many there were, and leaves what else the config says of ranks', async () => {
  const transport = 'parallel.transport=bf16';
  expect(await asked('', 'data=2')).toEqual(['parallel=data']);
  expect(await asked('parallel: { blocks: 4 }', 'data')).toEqual(['parallel=data']);
  expect(await asked('parallel: data', 'blocks=2')).toEqual(['parallel={"blocks":2,"data":1}']);
  expect(await asked('parallel: { blocks: 4, data: 2, queue: 3 }', 'blocks=2', [transport])).toEqual([
    transport,
    'parallel={"queue":3,"transport":"bf16","blocks":2,"data":1}',
  ]);
  expect(await asked('', 'blocks=2,data=2', [transport])).toEqual([
    transport,
    'parallel={"transport":"bf16","blocks":2,"data":2}',
  ]);
});

it('refuses shares alone where the config says something of blocks, which would be dropped', async () => {
  await expect(asked('', 'data=2', ['parallel.transport=bf16'])).rejects.toThrow(
    /^--parallel data: parallel\.transport is for ranks that have blocks: .*--set parallel=data/,
  );
  const set = ['parallel=data'];
  expect(await asked('parallel: { blocks: 2, queue: 3 }', 'data=2', set)).toEqual([...set, 'parallel=data']);
});

it('refuses more ranks than a machine is for before any is started', () => {
  expect(ranksOf(parallelOf('blocks=8,data=8')!)).toBe(64);
  expect(() => ranksOf(parallelOf('blocks=9999')!)).toThrow(
    '--parallel: 9999 ranks on this machine, at most 64: start them on several, as docs/distributed.md says',
  );
});
