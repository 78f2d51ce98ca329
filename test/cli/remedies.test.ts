import { checkpointsOf, listCheckpoints } from '../../src/formats/checkpoint-names.js';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Command } from '../../src/cli/command.js';
import { pictureConfig, writePictures, type Outcome } from './helpers.js';
import { residentProgram } from './resident.js';

const run = residentProgram();

/**
 * What messages tell people to type is typed here. What `bad-images`, `resume` and `compare-failures` type on their way
 * is not repeated.
 */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let folder: string;
let data: string;
let yaml: string;
let finished: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'locallearn-remedies-'));
  data = join(folder, 'data');
  await writePictures(data);
  yaml = config('train', 'method: { method: bp }');
  const out = join(folder, 'finished');
  expect(await train(yaml, out)).toMatchObject({ code: 0 });
  finished = join(out, readdirSync(out)[0]!);
});
afterAll(() => rmSync(folder, { recursive: true }));

function config(name: string, methods: string): string {
  const path = join(folder, `${name}.yaml`);
  writeFileSync(path, pictureConfig(data, methods).replace('epochs: 2', 'epochs: 1'));
  return path;
}

function train(path: string, out: string, ...args: string[]): Promise<Outcome> {
  return run(['train', path, '--out', out, '--quiet', ...args]);
}

/** What the message tells to type, without the program's name. */
function said({ code, stderr }: Outcome, message: RegExp): string[] {
  expect({ code, stderr }).toMatchObject({ code: 1 });
  const [, command] = message.exec(stderr) ?? [];
  expect(command, stderr).toBeDefined();
  return command!.split(' ');
}

async function expectWorks(args: readonly string[]): Promise<void> {
  const { code, stderr } = await run(args);
  expect({ args, code, stderr }).toMatchObject({ code: 0 });
}

describe('what a message says to type works', () => {
  it('for a config of several methods, and of several seeds', async () => {
    const several = config('several', 'methods: [{ method: dgl, blocks: 2 }]');
    const [methods = ''] = said(await train(several, folder), /use "locallearn (compare)"/);
    await expectWorks([methods, several, '--out', join(folder, 'several'), '--quiet']);
    const seeds = config('seeds', 'method: { method: bp }\nseeds: [1, 2]');
    const [compare, option] = [/use "locallearn (compare)"/, /choose one with (--seed)$/m];
    const outcome = await train(seeds, folder);
    await expectWorks([...said(outcome, compare), seeds, '--out', join(folder, 'seeds'), '--quiet']);
    await expectWorks([
      'train',
      seeds,
      ...said(outcome, option),
      '2',
      '--out',
      join(folder, 'seed'),
      '--quiet',
    ]);
  });

  it('for memory of a config without blocks, and where memory runs out', async () => {
    const outcome = await run(['memory', yaml, '--blocks', '2', '--quiet']);
    await expectWorks([
      'memory',
      yaml,
      '--blocks',
      '2',
      '--quiet',
      ...said(outcome, /with (--method)$/m),
      'dgl',
    ]);
    await expectWorks(['memory', config('local', 'method: { method: dgl }'), '--budget', '500MB', '--quiet']);
  });

  it('for a training that diverges, and a batch that is too large', async () => {
    const out = join(folder, 'diverged');
    const wild = await train(yaml, out, '--set', 'train.learningRate=1e30');
    expect(wild.stderr).toContain(': lower train.learningRate, or add train.warmupEpochs');
    await expectWorks(['train', yaml, '--out', out, '--quiet', '--set', 'train.learningRate=0.01']);
    await expectWorks(['train', yaml, '--out', out, '--quiet', '--set', 'train.warmupEpochs=1']);
    const large = await train(yaml, out, '--set', 'train.batchSize=65');
    expect(large.stderr).toContain('choose a smaller one');
    await expectWorks(['train', yaml, '--out', out, '--quiet', '--set', 'train.batchSize=64']);
  });

  it('for mixup with a loss that takes none', async () => {
    const out = join(folder, 'mixup');
    const contrast = config('contrast', 'method: { method: man, blocks: 2, loss: contrast }');
    const refused = await train(contrast, out, '--set', 'train.mixup=0.2');
    expect(refused.stderr).toContain('leave mixup out, or choose loss: cross-entropy');
    await expectWorks(['train', contrast, '--out', out, '--quiet']);
    const other = ['--set', 'train.mixup=0.2', '--set', 'method.loss=cross-entropy'];
    await expectWorks(['train', contrast, '--out', out, '--quiet', ...other]);
  });

  it('for a run without a whole checkpoint', async () => {
    rmSync(join(finished, 'summary.json'));
    for (const { epochs } of listCheckpoints(checkpointsOf(finished))) {
      writeFileSync(join(checkpointsOf(finished), `epoch-${epochs}.json`), '{');
    }
    const anew = /train (?:it|the run) anew with: locallearn (.*)$/m;
    const out = ['--out', join(folder, 'anew'), '--quiet'];
    const damaged = said(await run(['train', '--resume', finished, '--quiet']), anew);
    await expectWorks([...damaged, ...out]);
    rmSync(checkpointsOf(finished), { recursive: true });
    expect(said(await run(['train', '--resume', finished, '--quiet']), anew)).toEqual(damaged);
  });

  it('for a lock that another machine left', async () => {
    const out = join(folder, 'locked');
    expect(await train(yaml, out)).toMatchObject({ code: 0 });
    const path = join(out, readdirSync(out)[0]!);
    rmSync(join(path, 'summary.json'));
    writeFileSync(join(path, 'lock'), JSON.stringify({ pid: 1, host: `not-${hostname()}` }));
    const [lock = ''] = said(
      await run(['train', '--resume', path, '--quiet']),
      /if there is none, remove (.*)$/m,
    );
    rmSync(lock);
    await expectWorks(['train', '--resume', path, '--quiet']);
  });

  it('for options of data commands that do not go together', async () => {
    const outcome = await run(['data', 'info', '--config', yaml, '--dir', data]);
    expect(outcome).toMatchObject({ code: 2 });
    const [, set] = /with --config use (--set data\.dir=)…/.exec(outcome.stderr) ?? [];
    await expectWorks([
      'data',
      'info',
      '--config',
      yaml,
      ...`${set}${data}`.split(' '),
      '--images',
      '8',
      '--quiet',
    ]);
  });
});

describe('every command and option that the program names', () => {
  const root = join(import.meta.dirname, '../../src');
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  const texts = files.map((file) =>
    readFileSync(join(root, file), 'utf8')
      .split('\n')
      .filter((line) => !/^\s*(\*|\/\/|\/\*)/.test(line)),
  );
  const named = (pattern: RegExp): Set<string> =>
    new Set(texts.flat().flatMap((line) => [...line.matchAll(pattern)].map(([, name]) => name!)));

  it('is there', async () => {
    const modules = await Promise.all(
      files
        .filter((file) => file.startsWith('cli/commands/'))
        .map(
          (file) =>
            import(join(root, file)) as Promise<
              Record<string, Partial<Pick<Command, 'command' | 'options'>>>
            >,
        ),
    );
    const exported = modules.flatMap((each) => Object.entries(each));
    const commands = new Set(exported.flatMap(([, { command }]) => command?.split(' ')[0] ?? []));
    const options = new Set(exported.flatMap(([, { options = {} }]) => Object.keys(options)));
    const wantedCommands = named(/(?:["(]|: |run )locallearn ([a-z]+)/g);
    expect(wantedCommands.size).toBeGreaterThan(3);
    expect([...wantedCommands].filter((name) => !commands.has(name))).toEqual([]);
    // Where it is told to type an option, it stands after a word and not in a style sheet or another program's command.
    const wantedOptions = named(/(?:with|add|use|choose|or|see|say|:) "?--([a-z]+)\b/g);
    expect(wantedOptions.size).toBeGreaterThan(5);
    expect([...wantedOptions].filter((name) => !options.has(name) && name !== 'help')).toEqual([]);
  });
});
