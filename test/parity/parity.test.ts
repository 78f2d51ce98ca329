import { beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '../../src/core/errors.js';
import { readGoldenFile, type GoldenFile } from '../../src/parity/golden-file.js';
import { checkParity } from '../../src/parity/parity.js';
import { rebuildRun, type RunNumbers } from '../../src/parity/rebuild.js';
import { hasTorch, startEngine } from '../support/engine.js';

beforeAll(async () => {
  await startEngine();
});

const settings = {
  method: 'greedy',
  layers: 8,
  K: 4,
  depth: 0,
  batch: 4,
  steps: 2,
  learning_rate: 0.05,
  weight_decay: 1e-4,
} as const;
/** Small images make the many runs quick. */
const options = { image_size: 8 };

/** A file that says what the rebuilt run itself gives. */
function goldenOf(run: RunNumbers): GoldenFile {
  const norms = (group: 'parameters' | 'running'): GoldenFile['parameters'] =>
    Object.fromEntries(
      [...run[group]].map(([name, { shape, norm, mean, first }]) => [
        name,
        { shape: [...shape], l2: norm, ...(group === 'parameters' ? { mean, first: [...first] } : {}) },
      ]),
    );
  return {
    ...settings,
    options,
    loss_trace: run.losses.map((losses) => [...losses]),
    eval_logits: run.logits.map((row) => [...row]),
    parameters: norms('parameters'),
    running: norms('running'),
  };
}

type Sharp = GoldenFile & { float64: NonNullable<GoldenFile['float64']> };

/** The same file with its own numbers as those of double precision. */
function sharpened(golden: GoldenFile): Sharp {
  const { loss_trace, eval_logits } = structuredClone(golden);
  const distance = { loss: 0, logits: 0, parameters: 0, running: 0 };
  return { ...golden, float64: { loss_trace, eval_logits, distance } };
}

const blank = { ...settings, eval_logits: [new Array<number>(10).fill(0)], loss_trace: [[0], [0]] };
const own = (): GoldenFile => goldenOf(rebuildRun({ ...blank, options, parameters: {}, running: {} }));

const nothing = { loss: null, logits: null, parameters: null, running: null };

describe('a file of the same numbers', () => {
  test('passes without error', () => {
    expect(checkParity(own())).toEqual({
      rule: 'rounding',
      limits: { loss: 1e-3, logits: 1e-3, parameters: 1e-4, running: 1e-4 },
      loss: 0,
      logits: 0,
      parameters: 0,
      running: 0,
      missing: [],
      surplus: [],
      pass: true,
      rounding: nothing,
    });
  });

  test('within the tolerance passes, with the largest error of the group', () => {
    const golden = own();
    golden.loss_trace[1]![2]! *= 1.0005;
    const report = checkParity(golden);
    expect(report.loss).toBeCloseTo(5e-4, 5);
    expect(report).toMatchObject({ pass: true, rounding: nothing });
  });

  test('with one wrong loss of the first step fails at once: no rounding is behind that', () => {
    const golden = own();
    golden.loss_trace[0]![0]! *= 1.002;
    const report = checkParity(golden);
    expect(report).toMatchObject({ pass: false, rounding: { ...nothing, loss: 0 }, logits: 0 });
    expect(report.loss).toBeCloseTo(0.002, 4);
  });

  test.each([
    ['loss', (golden: GoldenFile) => (golden.loss_trace[1]![3]! *= 1.002)],
    ['parameters', (golden: GoldenFile) => (golden.parameters['fc.weight']!.l2 *= 1.001)],
  ] as const)(
    'with one late wrong number among the %s fails, and rounding does not explain it',
    (group, spoil) => {
      const golden = own();
      spoil(golden);
      const report = checkParity(golden);
      expect(report.pass).toBe(false);
      expect(report[group]).toBeGreaterThan(9e-4);
      expect(report.rounding).toMatchObject({ ...nothing, [group]: expect.any(Number) as number });
      expect(report.rounding[group]).toBeLessThan(2e-4);
    },
  );

  test('that is to be judged strictly passes without an allowance alone', () => {
    const golden = own();
    expect(checkParity(golden, { strict: true })).toMatchObject({ rule: 'strict', pass: true });
    golden.loss_trace[1]![3]! *= 1.002;
    const report = checkParity(golden, { strict: true });
    expect(report).toMatchObject({ rule: 'strict', pass: false, rounding: nothing });
  });

  test.each([
    ['learning_rate', 0.0501],
    ['weight_decay', 0.01],
  ] as const)('with another %s fails', (key, value) => {
    expect(checkParity({ ...sharpened(own()), [key]: value }).pass).toBe(false);
  });

  test('that names a tensor which the run lacks, or has in another shape, fails and says which', () => {
    const golden = own();
    golden.parameters['layer9.conv1.weight'] = { shape: [1], l2: 1 };
    golden.parameters['fc.bias'] = { shape: [12], l2: golden.parameters['fc.bias']!.l2 };
    golden.running['bn9.running_mean'] = { l2: 1 };
    expect(checkParity(golden)).toMatchObject({
      pass: false,
      missing: ['fc.bias of shape [12], not [10]', 'layer9.conv1.weight', 'bn9.running_mean'],
    });
  });

  test('with another number of losses fails', () => {
    const golden = own();
    golden.loss_trace[1]!.pop();
    expect(checkParity(golden)).toMatchObject({ pass: false, loss: Infinity });
  });
});

describe('a sharp file', () => {
  test('passes within its limits, of its float64 numbers', () => {
    const golden = sharpened(own());
    // Not looked at but for the distance, which is given.
    golden.loss_trace[1]![3]! *= 1.002;
    expect(checkParity(golden)).toMatchObject({
      rule: 'sharp',
      limits: { loss: 1e-6, logits: 1e-5, parameters: 2e-6, running: 2e-6 },
      loss: 0,
      pass: true,
    });
  });

  test.each([
    ['loss', (golden: Sharp) => (golden.float64.loss_trace[1]![3]! *= 1 + 2e-6)],
    ['logits', (golden: Sharp) => (golden.float64.eval_logits[0]![3]! += 2e-4)],
    ['parameters', (golden: Sharp) => (golden.parameters['fc.weight']!.l2 *= 1 + 4e-6)],
    ['running', (golden: Sharp) => (golden.running['bn1.running_var']!.l2 *= 1 + 4e-6)],
    // A norm is the same with another sign.
    ['parameters', (golden: Sharp) => (golden.parameters['fc.bias']!.mean! *= -1)],
    ['parameters', (golden: Sharp) => (golden.parameters['fc.bias']!.first![1]! *= -1)],
  ] as const)(
    'with one number among the %s beyond its limit fails, whatever rounding does',
    (group, spoil) => {
      const golden = sharpened(own());
      spoil(golden);
      const report = checkParity(golden);
      expect(report).toMatchObject({ rule: 'sharp', pass: false, rounding: nothing });
      expect(report[group]).toBeGreaterThan(report.limits[group]);
    },
  );
});

describe('what only one of two runs has', () => {
  test('a parameter that is trained here and not in the file, a running statistic', () => {
    const golden = own();
    delete golden.parameters['layer1.0.conv1.weight'];
    delete golden.running['bn1.running_mean'];
    const surplus = ['layer1.0.conv1.weight', 'bn1.running_mean'];
    expect(checkParity(golden)).toMatchObject({ pass: false, missing: [], surplus });
  });

  test('a parameter that only one of them trains', () => {
    const golden = own();
    golden.parameters['bn1.bias']!.trained = true;
    golden.parameters['fc.weight']!.trained = false;
    expect(checkParity(golden)).toMatchObject({
      pass: false,
      surplus: ['fc.weight, which is trained here'],
    });
  });
});

describe.skipIf(!hasTorch)('the published run of backpropagation', () => {
  const file = 'test/fixtures/golden/bp-resnet32.json';
  const published = readGoldenFile(file);

  test('with a loss of the first step off by 0.2 % fails, chaotic as its late numbers are', () => {
    const trace = published.loss_trace.map((losses, step) => losses.map((l) => (step === 0 ? l * 1.002 : l)));
    expect(checkParity({ ...published, loss_trace: trace }).pass).toBe(false);
  });

  test('is as far from double precision as this engine is', { timeout: 120_000 }, () => {
    // experiments/parity/reference.py bp-resnet32.json --float64
    const exact = readGoldenFile('test/fixtures/golden/float64/bp-resnet32.json');
    const run = goldenOf(rebuildRun(published));
    const distances = (golden: GoldenFile): number[] => [
      ...golden.loss_trace.map((losses, step) => relative(losses, exact.loss_trace[step]!)),
      Math.max(...golden.eval_logits.map((row, i) => relative(row, exact.eval_logits[i]!))),
      Math.max(
        ...Object.entries(exact.parameters).map(([name, { l2 }]) =>
          Math.abs(golden.parameters[name]!.l2 / l2 - 1),
        ),
      ),
    ];
    const ours = distances(run);
    const theirs = distances(published);
    // The first two steps agree with double precision; the third and what follows are as far off as PyTorch's own.
    expect(Math.max(...ours.slice(0, 2))).toBeLessThan(2e-4);
    expect(theirs[2]).toBeGreaterThan(1e-3);
    ours.slice(2).forEach((distance, i) => expect(distance).toBeLessThan(2 * theirs[2 + i]!));
  });
});

/** The largest difference, relative to the largest expected value. */
function relative(found: readonly number[], expected: readonly number[]): number {
  const scale = Math.max(...expected.map(Math.abs));
  return Math.max(...expected.map((value, i) => Math.abs(found[i]! - value))) / scale;
}

test.each([
  [{ method: 'dfa' }, /method: 'dfa' is none of bp, greedy/],
  [
    { method: 'man', K: 2, options: { ixx_1: 1, ixy_1: 1, ixx_2: 1, ixy_2: 1 } },
    /options\.momentum: missing/,
  ],
  [{ method: 'infopro', options: { ixx_1: 1 } }, /options\.ixy_1: missing/],
  [{ method: 'greedy', options: { ixy_1: 2 } }, /options\.ixy_1: must be 1, not 2/],
  [{ method: 'auglocal', depth: 3 }, /leaves no local one|leave no local one/],
  [{ layers: 9 }, /network layers 9/],
  [{ K: 9 }, /9 is more than the 4 units/],
  [{ options: { dataset: 'mnist' } }, /options\.dataset: must be/],
])('%j cannot be rebuilt', (change, message) => {
  const golden = { ...own(), ...change } as GoldenFile;
  expect(() => checkParity(golden)).toThrow(UserError);
  expect(() => checkParity(golden)).toThrow(message);
});
