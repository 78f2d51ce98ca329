import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRunSummary } from '../../src/runs/summary.js';
import { commandNames } from '../../src/cli/commands.js';
import { engineNames } from '../../src/engine/engine.js';
import { missingFor } from '../../src/engine/probe.js';
import { tinyConfig, writeFashionMnist, type Outcome } from './helpers.js';
import { residentProgram } from './resident.js';

const run = residentProgram();

let folder: string;
let config: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'locallearn-cli-'));
  writeFashionMnist(join(folder, 'data'));
  config = join(folder, 'config.yaml');
  writeFileSync(config, tinyConfig(join(folder, 'data'), 'method: { method: auglocal, depth: 1 }'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function train(...args: string[]): Promise<Outcome> {
  return run(['train', config, '--quiet', '--out', join(folder, 'runs'), ...args]);
}

/** One clear line and no stack. */
function expectOneLine({ code, stdout, stderr }: Outcome, exitCode: number, message: RegExp): void {
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/^\s+at /m);
  const lines = stderr.trimEnd().split('\n');
  expect(lines.filter((line) => line.startsWith('error: '))).toHaveLength(1);
  expect(lines.filter((line) => !/^(error|note): |^see "locallearn .*--help"$/.test(line))).toEqual([]);
  expect(stdout).toBe('');
  expect(code).toBe(exitCode);
}

describe.concurrent('a config', () => {
  it('that is not there', async () => {
    expectOneLine(
      await run(['train', '/nowhere/c.yaml']),
      1,
      /^error: \/nowhere\/c\.yaml: cannot read the config: ENOENT/,
    );
  });

  it('with a key that does not exist', async () => {
    expectOneLine(
      await train('--set', 'train.batchsize=8'),
      1,
      /^error: .*config\.yaml: --set train\.batchsize=8: train\.batchsize: unknown key \(did you mean "batchSize"\?\)/,
    );
  });

  it('that is not YAML', async () => {
    const broken = join(folder, 'broken.yaml');
    writeFileSync(broken, 'name: [');
    expectOneLine(await run(['train', broken]), 1, /^error: .*broken\.yaml:1:8: /);
  });

  it('of several methods given to train', async () => {
    const several = join(folder, 'several.yaml');
    writeFileSync(several, tinyConfig(folder, 'methods: [{ method: bp }]'));
    expectOneLine(await run(['train', several]), 1, /use "locallearn compare"/);
  });
});

describe.concurrent('what a config asks for', () => {
  const missing = engineNames.find((name) => missingFor(name) !== undefined);
  it.skipIf(missing === undefined)('is an engine that is not there', async () => {
    expectOneLine(await train('--engine', missing!), 1, new RegExp(`^error: engine ${missing}: `));
  });

  it('is data of one’s own that is not there: where it was looked for', async () => {
    const missing = await train('--set', 'data={ name: folder, dir: nowhere/zoo }');
    expectOneLine(
      missing,
      1,
      /^error: nowhere\/zoo is missing \(looked for \/.*\/nowhere\/zoo\) or no folder: /,
    );
    const home = await train('--set', 'data={ name: csv, file: ~/nowhere.csv }');
    expectOneLine(home, 1, new RegExp(`^error: ${homedir()}/nowhere\\.csv is missing: `));
    const official = await train('--set', 'data={ name: svhn, dir: nowhere }');
    expectOneLine(official, 1, /^error: nowhere is missing \(looked for \/.*\/nowhere\): get it with/);
  });

  it('is data that is not there', async () => {
    expectOneLine(await train('--set', `data.dir=${folder}`), 1, /train-images-idx3-ubyte/);
  });

  it('is a truncated CIFAR-10 file', async () => {
    const batches = join(folder, 'cifar', 'cifar-10-batches-bin');
    mkdirSync(batches, { recursive: true });
    writeFileSync(join(batches, 'batches.meta.txt'), 'a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n');
    writeFileSync(join(batches, 'data_batch_1.bin'), Buffer.alloc(12345));
    expectOneLine(
      await train('--set', `data={ name: cifar10, dir: ${join(folder, 'cifar')} }`),
      1,
      /data_batch_1\.bin: expected 30730000 bytes, found 12345/,
    );
  });

  it('is a truncated Fashion-MNIST file', async () => {
    const dir = join(folder, 'cut');
    mkdirSync(dir);
    for (const name of readdirSync(join(folder, 'data')))
      symlinkSync(join(folder, 'data', name), join(dir, name));
    rmSync(join(dir, 't10k-images-idx3-ubyte'));
    writeFileSync(join(dir, 't10k-images-idx3-ubyte'), Buffer.alloc(5_000_000));
    expectOneLine(
      await train('--set', `data.dir=${dir}`),
      1,
      /t10k-images-idx3-ubyte: expected 7840016 bytes, found 5000000/,
    );
  });

  it('is more images than there are', async () => {
    expectOneLine(await train('--set', 'data.trainImages=60001'), 1, /trainImages: .*60000.*60001/);
  });

  it('is more blocks than units', async () => {
    expectOneLine(
      await train('--set', 'method={ method: man, blocks: 9 }'),
      1,
      /blocks: 9 is more than the 3 units/,
    );
  });

  it.each(['auto', 'wasm'])('is one image a batch where DGL normalises over it (%s)', async (engine) => {
    expectOneLine(
      await train(
        '--set',
        'method={ method: dgl, blocks: 2 }',
        '--set',
        'train.batchSize=1',
        '--engine',
        engine,
      ),
      1,
      /train\.batchSize: 1 is too few: the batch normalisation '.+' has one value a channel/,
    );
  });

  it('is that in the last method of a comparison, before any is trained', async () => {
    const compared = join(folder, 'compared.yaml');
    const methods = 'methods: [{ method: bp }, { method: man, blocks: 9 }]';
    writeFileSync(compared, tinyConfig(join(folder, 'data'), methods));
    const out = join(folder, 'compared');
    expectOneLine(await run(['compare', compared, '--out', out]), 1, /blocks: 9 is more than the 3 units/);
    expect(existsSync(out)).toBe(false);
  });

  it('is a learning rate of 0 throughout', async () => {
    const runs = join(folder, 'idle');
    const idle = ['--quiet', '--out', runs, '--set', 'train.epochs=1', '--set', 'train.schedule=cosine'];
    for (const command of ['train', 'compare']) {
      expectOneLine(
        await run([command, config, ...idle]),
        1,
        /^error: train\.schedule: 'cosine' ends with a learning rate of 0, which with train\.epochs=1 .* choose train\.schedule=cosine-steps/,
      );
    }
    expect(existsSync(runs)).toBe(false);
  });

  it('is a batch larger than the data set', async () => {
    expectOneLine(
      await train('--set', 'train.batchSize=65'),
      1,
      /a batch of 65 is larger than the data set, 64 images/,
    );
  });

  it('is a folder for runs that cannot be one', async () => {
    expectOneLine(
      await run(['train', config, '--quiet', '--out', config]),
      1,
      /cannot make a folder for the run/,
    );
  });
});

it('a loss that is no number any more is told with its step, and recorded', async () => {
  const runs = join(folder, 'diverged');
  const outcome = await run(['train', config, '--quiet', '--out', runs, '--set', 'train.learningRate=1e30']);
  expectOneLine(outcome, 1, /epoch 1, step \d: the loss of update '.+' became (NaN|-?Infinity)/);
  const [name = ''] = readdirSync(runs);
  const summary = readRunSummary(join(runs, name, 'summary.json'));
  expect(summary.status).toBe('failed');
  expect(summary.error).toMatch(/the loss of update/);
  expect(summary.accuracy).toBeUndefined();
});

describe.concurrent('the command line', () => {
  it.each<[string[], RegExp]>([
    [[], new RegExp(`^error: a command is missing: ${commandNames.join(', ')}$`, 'm')],
    [['data'], /^error: a command is missing: data fetch, data verify, data info, data preview$/m],
    [['trian', 'x'], /^error: .*train/m],
    [['train'], /^error: a config is missing, or --resume with a run folder$/m],
    [['train', 'x', 'y'], /^error: unknown command or argument "y"$/m],
    [['train', 'x', '--sed', '1'], /^error: unknown option --sed \(did you mean "(seed|set)"\?\)$/m],
    [['train', 'x', '--seed', 'one'], /^error: --seed must be a number$/m],
    [
      ['train', 'x', '--epochs', '3'],
      /^error: unknown option --epochs; a config's values .* \(did you mean --set train\.epochs=3\?\)$/m,
    ],
    [['compare', 'x', '--lr=0.1'], /\(did you mean --set train\.learningRate=0\.1\?\)$/m],
    [['memory', 'x', '--layers', '8'], /\(did you mean --set network\.layers=8\?\)$/m],
    [['memory', 'x', '--depth', '8'], /\(did you mean --set method\.depth=8\?\)$/m],
    [['probe', 'x', '--dir', '/zoo'], /\(did you mean --set data\.dir=\/zoo\?\)$/m],
    [['data', 'info', 'cifar10', '--testImages', '5'], /\(did you mean --set data\.testImages=5\?\)$/m],
    [['data', 'info', 'cifar10', '--epochs', '5'], /^error: unknown option --epochs$/m],
    [['report', 'x', '--resume', 'y'], /^error: unknown option --resume; it is an option of train$/m],
    [['train', 'x', 'trian'], /^error: unknown command or argument "trian"$/m],
    [['data', 'inof'], /^error: unknown command or argument "inof" \(did you mean "info"\?\)$/m],
    [['train', 'x', '--seed', '1', '--seed', 'two'], /^error: --seed must be a number$/m],
    [['train', 'x', '--engine', 'gpu'], /^error: .*engine, Given: "gpu", Choices: "auto", "torch-cuda"/m],
    [['train', 'x', '--set'], /^error: Not enough arguments following: set$/m],
    [
      ['bench', '--methods', 'bp,auglcal'],
      /^error: --methods: must be some of bp, .*not "auglcal" \(did you mean/m,
    ],
    [
      ['profile', '--method', 'auglcal'],
      /^error: --method: must be one of bp, .*, not "auglcal" \(did you mean "auglocal"\?\)$/m,
    ],
    [['bench', '--steps', '0'], /^error: --steps must be a whole number from 1, not 0$/m],
  ])('refuses %j', async (args, message) => {
    expectOneLine(await run(args), 2, message);
  });

  it('refuses a wrong --set and a seed that is none', async () => {
    expectOneLine(await train('--set', 'seed'), 1, /^error: --set seed: not of the form a\.b=value$/m);
    expectOneLine(await train('--seed', '1.5'), 1, /seed: must be a whole number, not 1\.5$/m);
  });
});
