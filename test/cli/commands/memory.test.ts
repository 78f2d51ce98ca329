import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { residentProgram } from '../resident.js';

const run = residentProgram();

/** No data set is there: none is needed. */
const config = `
name: tiny
data: { name: cifar10, dir: nowhere }
network: { name: resnet, layers: 8 }
train: { epochs: 1, batchSize: 8, learningRate: 0.1 }
methods:
  - { method: greedy }
  - { method: man, blocks: 2, label: two }
`;

let folder: string;
let path: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'locallearn-memory-'));
  path = join(folder, 'tiny.yaml');
  writeFileSync(path, config);
});
afterAll(() => rmSync(folder, { recursive: true }));

const lines = (stdout: string): Record<string, unknown>[] =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('memory', () => {
  test('prints the updates of each method and the methods beside BP', async () => {
    const { code, stdout, stderr } = await run(['memory', path, '--quiet']);
    expect(code).toBe(0);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^bp: resnet-8 in 1 block, 8 images of 32×32×3/);
    expect(stdout).toMatch(/^two: resnet-8 in 2 blocks/m);
    expect(stdout).toMatch(/^block 4|^head .*█$/m);
    expect(stdout).toMatch(/^method +blocks +largest update +peak \(\S+\) +× BP$/m);
    expect(stdout).toMatch(/^two +2 +\S.* [\d.]+ MB +\d\.\d\d +█+$/m);
  });

  test('--ranks forecasts what each rank takes and how fast they are, as a table and as JSON', async () => {
    const asked = ['memory', path, '--method', 'two', '--quiet', '--ranks', '2'];
    const { code, stdout, stderr } = await run([...asked, '--link', '25Gbit']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^two: resnet, 8 images, 2 ranks, parallel: blocks, links of 25\.0 Gbit\/s, /);
    expect(stdout).toMatch(/^1 +2–2 +\S+ MB +\S+ MB +\S+ ms /m);
    expect(stdout).toMatch(/^a step: .* images\/s: .* × one process .*; limited by what rank \d computes$/m);
    expect(stdout).toMatch(
      /^BP in a naive pipeline cut there: .* images\/s; each rank waits 5\d % of the time$/m,
    );
    const json = await run([...asked, '--parallel', 'data', '--json']);
    const [data] = lines(json.stdout);
    expect(data).toMatchObject({ label: 'two', parallel: 'data', batch: 8, linkBytesPerSecond: 1.25e9 });
    expect(data!['perRank']).toHaveLength(2);
    const many = await run([...asked.slice(0, -1), '3']);
    expect([many.code, many.stderr]).toEqual([
      1,
      expect.stringContaining('two: parallel.blocks: 2 blocks cannot be'),
    ]);
    const wrong = await run(['memory', path, '--link', '1Gbit']);
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('--link: only with --ranks')]);
  });

  test('--frontier prints and draws what each takes with every setting', async () => {
    const svg = join(folder, 'frontier.svg');
    const options = ['--frontier', '--blocks', '2,9', '--method', 'two'];
    const { code, stdout, stderr } = await run(['memory', path, ...options, '--svg', svg]);
    expect([code, stderr]).toEqual([0, expect.stringMatching(/^note: left out two K=9: /m)]);
    expect(stdout).toMatch(/^two K=2 \+units +e +2 /m);
    expect(stdout).toMatch(/^ +0 +[\d.]+ MB {2}peak memory$/m);
    expect(stdout).toContain(`chart: ${svg}\n`);
    expect(readFileSync(svg, 'utf8')).toContain('two K=2 +segments</text>');
    const json = await run(['memory', path, ...options, '--json']);
    expect(lines(json.stdout).map(({ name, recompute }) => [name, recompute])).toEqual(
      ['bp', 'two K=2'].flatMap((name) => [
        [name, 'none'],
        [`${name} +units`, 'units'],
        [`${name} +segments`, 'segments'],
      ]),
    );
    const none = await run(['memory', path, '--frontier', '--blocks', '9', '--method', 'two', '--quiet']);
    expect([none.code, none.stderr]).toEqual([1, expect.stringMatching(/^error: .*9/)]);
    for (const wrong of [
      ['--svg', svg],
      ['--frontier', '--budget', '1GB'],
    ]) {
      expect((await run(['memory', path, ...wrong])).code).toBe(2);
    }
  });

  test('prints one line of JSON a method, and nothing else', async () => {
    const { code, stdout, stderr } = await run(['memory', path, '--method', 'two', '--batch', '4', '--json']);
    expect([code, stderr]).toEqual([0, '']);
    const [bp, two, ...rest] = lines(stdout);
    expect(rest).toEqual([]);
    expect(bp).toMatchObject({ method: 'bp', batch: 4, timesBp: 1, blocks: 1 });
    expect(two).toMatchObject({ method: 'man', label: 'two', batch: 4, blocks: 2 });
  });

  test('measures BP and all methods with the recomputing that is asked for', async () => {
    const { code, stdout } = await run(['memory', path, '--json', '--recompute', 'units']);
    expect(code).toBe(0);
    expect(lines(stdout).map(({ label }) => label)).toEqual([
      ...['bp', 'bp+checkpointing', 'greedy+checkpointing', 'two+checkpointing'],
    ]);
    const [bp, units] = lines(stdout).map(({ peakMemoryBytes }) => peakMemoryBytes as number);
    const budget = Math.ceil((bp! + units!) / 2);
    const auto = await run(['memory', path, '--json', '--recompute', `auto=${budget}`]);
    const [, chosen] = lines(auto.stdout);
    expect(chosen).toMatchObject({ label: 'bp+auto', recompute: { head: { recompute: 'units' } } });
    expect(chosen!['peakMemoryBytes']).toBeLessThanOrEqual(budget);
  });

  test('lists what is in use at the peak, which adds up', async () => {
    const { code, stdout } = await run(['memory', path, '--json', '--at-peak', '--method', 'two']);
    expect(code).toBe(0);
    for (const { peakBytes, held } of lines(stdout)) {
      const sum = (held as { bytes: number }[]).reduce((total, { bytes }) => total + bytes, 0);
      expect(sum).toBe(peakBytes);
    }
    const table = await run(['memory', path, '--quiet', '--at-peak', '--method', 'two']);
    expect(table.stdout).toMatch(/^two: resnet-8 in 2 blocks.*\nthe peak \(\S+\) is reached in \S.*$/m);
    expect(table.stdout).toMatch(/^layer1\.0\.\S+|^saved by \S+/m);
    expect(table.stdout).toMatch(/^all +[\d.]+ MB +100\.0 %$/m);
  });

  test('names the methods that refuse the batch, and measures the others', async () => {
    const refused = join(folder, 'refused.yaml');
    writeFileSync(
      refused,
      config.replace('methods:\n', 'methods:\n  - { method: auglocal, depth: 1, label: lone }\n'),
    );
    const updates = await run(['memory', refused, '--batch', '1', '--quiet']);
    expect(updates.code).toBe(1);
    expect(updates.stdout).toMatch(/^two +2 +\S.* [\d.]+ MB/m);
    expect(updates.stderr).toMatch(
      /^error: lone: the batch normalisation .* take batches of two images or more$/m,
    );
    const counts = await run(['memory', refused, '--batch', '1', '--quiet', '--blocks', '2']);
    expect(counts.code).toBe(1);
    expect(counts.stdout).toMatch(/^greedy\b/m);
    expect(counts.stderr).toMatch(/^error: lone: auglocal: depth 1 joins/m);
  });

  test('compares numbers of blocks', async () => {
    const { code, stdout } = await run([
      'memory',
      path,
      '--method',
      'greedy',
      '--blocks',
      '4,1,2',
      '--quiet',
    ]);
    expect(code).toBe(0);
    expect(stdout.match(/^(1 \(bp\)|2|4) /gm)).toEqual(['1 (bp) ', '2 ', '4 ']);
  });

  test('names the fewest blocks that fit a budget, or fails', async () => {
    const fits = ['memory', path, '--method', 'greedy', '--quiet', '--budget'];
    const enough = await run([...fits, '1TB']);
    expect(enough.code).toBe(0);
    expect(enough.stdout).toMatch(/^greedy: backpropagation \(K = 1\) fits into/m);
    const small = await run([...fits, '10 kB', '--blocks', '2']);
    expect(small.code).toBe(1);
    expect(small.stderr).toMatch(/^error: greedy: none of K = 2 fits into 10\.0 kB; the least is .*\n$/);
    const json = await run([...fits, '10kB', '--blocks', '2', '--json']);
    expect(json.code).toBe(1);
    expect(lines(json.stdout).at(-1)).toEqual({ label: 'greedy', budgetBytes: 10_000, count: null });
  });

  test.each([
    [['--budget', '2XB'], 1, /--budget: must be a size such as 2GB, 1\.5GiB or 900MB, not "2XB"/],
    [['--blocks', '2,x'], 2, /--blocks: must be whole numbers from 1 or "all".* not "x"/],
    [['--blocks', '0'], 2, /--blocks: must be/],
    [['--blocks', '9', '--quiet'], 1, /blocks: 9 is more than the 4 units of resnet-8/],
    [['--method', 'mann'], 1, /--method: there is no "mann" \(did you mean "man"\?\)/],
    [['--batch', '0'], 1, /train\.batchSize/],
    [['--method', 'bp', '--budget', '1GB'], 1, /no method that cuts into blocks; name one with --method/],
  ] as const)('refuses %j in one line', async (args, code, message) => {
    const outcome = await run(['memory', path, ...args]);
    expect(outcome.code).toBe(code);
    expect(outcome.stderr).toMatch(message);
    expect(outcome.stderr).not.toMatch(/^ +at /m);
    expect(outcome.stdout).toBe('');
  });
});
