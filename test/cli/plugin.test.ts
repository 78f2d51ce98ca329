import { createHash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { pictureConfig, writePictures } from './helpers.js';
import { residentProgram } from './resident.js';

const run = residentProgram();

const source = `
import * as tf from '@tensorflow/tfjs';
import { definePlugin, defineLoss, labels, type LocalLoss, z } from 'locallearn';

/** Cross-entropy, until the day it breaks. */
function fragile(breaks: boolean): LocalLoss {
  const whole = labels('cross-entropy');
  return {
    ...whole,
    attach(...place) {
      const { layers, loss } = whole.attach(...place);
      return {
        layers,
        loss(features, batch) {
          if (breaks) throw new TypeError(\`batch of \${batch.size} broke it\`);
          return tf.mul(loss(features, batch), 2) as tf.Scalar;
        },
      };
    },
  };
}

export const plugin = definePlugin({
  losses: [
    defineLoss({
      name: 'fragile',
      options: z.strictObject({ breaks: z.boolean().default(false) }),
      build: ({ breaks }) => fragile(breaks),
    }),
  ],
});
`;
const sha256 = createHash('sha256').update(source).digest('hex');

let folder: string;
let plugin: string;
let config: string;
beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'locallearn-cli-')));
  await writePictures(join(folder, 'data'));
  // A name that a URL must encode.
  mkdirSync(join(folder, 'my code'));
  plugin = join(folder, 'my code', 'fragile #1.ts');
  writeFileSync(plugin, source);
  config = join(folder, 'config.yaml');
  const method = 'method: { method: custom, blocks: 2, loss: fragile }';
  writeFileSync(config, pictureConfig(join(folder, 'data'), method));
});
afterAll(() => rmSync(folder, { recursive: true }));

function only(parent: string): string {
  const names = readdirSync(parent);
  expect(names).toHaveLength(1);
  return join(parent, names[0]!);
}

/** A run by the plugin's code, once for all who look at it; and what was said of it. */
let trained: Promise<{ path: string; stderr: string }> | undefined;
const trainedOnce = (): Promise<{ path: string; stderr: string }> => {
  trained ??= (async () => {
    const out = join(folder, 'runs');
    const { code, stderr } = await run(['train', config, '--out', out, '--plugin', plugin]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    return { path: only(out), stderr };
  })();
  return trained;
};

it('a run says which code made it, and its config trains it again', async () => {
  const { path, stderr } = await trainedOnce();
  expect(stderr).toContain(`note: ran the plugin ${plugin} (SHA-256 ${sha256})\n`);
  expect(parse(readFileSync(join(path, 'config.yaml'), 'utf8'))).toMatchObject({
    plugins: [{ path: plugin, sha256 }],
    method: { method: 'custom', loss: [{ name: 'fragile', breaks: false }] },
  });
  const [start = ''] = readFileSync(join(path, 'log.jsonl'), 'utf8').split('\n');
  expect(JSON.parse(start)).toMatchObject({ msg: 'start', plugins: [{ path: plugin, sha256 }] });

  const again = join(folder, 'again');
  const second = await run(['train', join(path, 'config.yaml'), '--out', again, '--quiet']);
  expect(second).toMatchObject({ code: 0, stderr: '' });
  const losses = (run: string): string[] =>
    readFileSync(join(run, 'metrics.csv'), 'utf8')
      .split('\n')
      .map((row) => row.split(',').slice(0, 5).join());
  expect(losses(only(again))).toEqual(losses(path));
});

it('an error of a plugin in the middle of a run is called the plugin’s', async () => {
  const method = 'method={ method: custom, blocks: 2, loss: { name: fragile, breaks: true } }';
  const out = join(folder, 'broken');
  const { code, stderr } = await run(['train', config, '--out', out, '--plugin', plugin, '--set', method]);
  expect(code).toBe(1);
  expect(stderr).toContain('error: batch of 16 broke it\n');
  expect(stderr).toContain(`it comes from ${plugin}:15:29, which is not part of locallearn:\n`);
  expect(stderr).not.toContain('defect');
});

it.each([
  ['an-error', 'error: boom\nit comes from PLUGIN:16:44, which is not part of locallearn:\n'],
  [
    'text',
    'error: epoch 1, step 1: PLUGIN:5: loss "faulty" threw boom, which is no Error and knows no place: throw new Error(\'…\') there\n',
  ],
  ['nothing', 'error: epoch 1, step 1: PLUGIN:5: loss "faulty" threw undefined, which is no Error'],
  [
    'nameless',
    'error: epoch 1, step 1: PLUGIN:5: loss "faulty" threw [Object: null prototype] {}, which is no Error',
  ],
])('what a plugin that was installed as a package throws is the plugin’s: %s', async (what, message) => {
  const home = join(folder, 'node_modules', '@me', 'faults');
  const path = join(home, 'index.mjs');
  mkdirSync(home, { recursive: true });
  writeFileSync(
    path,
    `import { defineLoss, definePlugin, labels, z } from 'locallearn';

// name: 'faulty'
const things = { 'an-error': new Error('boom'), text: 'boom', nameless: Object.create(null) };
const faulty = defineLoss({ name:'faulty',
  options: z.strictObject({ what: z.string() }),
  build({ what }) {
    const whole = labels('cross-entropy');
    return {
      ...whole,
      attach(...place) {
        return {
          ...whole.attach(...place),
          loss() {
            // What is made here has its place here.
            if (what === 'an-error') throw new Error('boom');
            throw things[what];
          },
        };
      },
    };
  },
});
export const plugin = definePlugin({ losses: [faulty] });
`,
  );
  const method = `method={ method: custom, blocks: 2, loss: { name: faulty, what: ${what} } }`;
  const out = join(folder, `faults-${what}`);
  const { code, stderr } = await run(['train', config, '--out', out, '--plugin', path, '--set', method]);
  expect(stderr).toContain(message.replace('PLUGIN', path));
  expect(stderr).not.toContain('defect');
  expect(code).toBe(1);
});

it('a plugin that is not there is one line', async () => {
  const { code, stderr } = await run(['train', config, '--plugin', join(folder, 'none.ts')]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^error: --plugin: cannot read the plugin: ENOENT.*none\.ts'\n$/);
  const set = await run(['train', config, '--set', `plugins.0=${join(folder, 'none.ts')}`]);
  expect(set.code).toBe(1);
  expect(set.stderr).toMatch(
    /^error: .*config\.yaml: --set plugins\.0=.*none\.ts: plugins\.0: cannot read the plugin: ENOENT.*none\.ts'\n$/,
  );
  const second = await run(['train', config, '--set', `plugins.1=${plugin}`]);
  expect(second.stderr).toMatch(
    /^error: .*config\.yaml: --set plugins\.1=.*: plugins: must be a list, not a map\n$/,
  );
});

it('a run whose plugin was moved is used by saying where it is', { timeout: 60_000 }, async () => {
  const { path } = await trainedOnce();
  const moved = join(folder, 'elsewhere.ts');
  renameSync(plugin, moved);
  try {
    const set = ['--set', `plugins.0.path=${moved}`];
    const picture = join(folder, 'data', 'test', 'class-3', '0.png');
    for (const args of [
      ['export', path, '--format', 'onnx'],
      ['predict', path, picture, '--quiet'],
      ['evaluate', path, '--quiet'],
      ['probe', path, '--images', '20', '--quiet'],
    ]) {
      const lost = await run(args);
      expect(lost.code).toBe(1);
      expect(lost.stderr).toContain('plugins.0: cannot read the plugin');
      const found = await run([...args, ...set]);
      expect(found, args[0]).toMatchObject({ code: 0 });
    }
    writeFileSync(moved, `${source}// Another file.\n`);
    const changed = await run(['evaluate', path, ...set]);
    expect(changed.code).toBe(1);
    expect(changed.stderr).toContain('take sha256 out to use this one');
    writeFileSync(moved, source);
    const other = await run(['evaluate', path, ...set, '--set', 'train.batchSize=8']);
    expect(other.stderr).toContain('train.batchSize: 16 there, 8 here');
  } finally {
    renameSync(moved, plugin);
  }
});
