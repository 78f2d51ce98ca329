import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const dist = join(import.meta.dirname, '../../dist');

let folder: string;
beforeAll(() => {
  // Outside of this repository, so that nothing but the program itself can be what `locallearn` means.
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'locallearn-plugins-')));
  evaluator = spawn(process.execPath, [join(import.meta.dirname, 'plugin-process.mjs')], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
});
afterAll(() => {
  evaluator.kill();
  rmSync(folder, { recursive: true });
});

function write(name: string, text: string): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

let evaluator: ChildProcess;

/** What a function, as text, makes of the compiled modules and arguments, in a process that stays. */
function evaluate<T>(program: string, ...args: readonly string[]): Promise<T> {
  return new Promise((resolve, reject) => {
    evaluator.removeAllListeners('close');
    evaluator.once('message', (result) => resolve(result as T));
    evaluator.once('close', (code) => reject(new Error(`ended with ${code}`)));
    evaluator.send([program, args]);
  });
}

/** What comes of loading each file: the names of what it defines, or the error. */
function loadEach(...paths: readonly string[]): Promise<string[]> {
  return evaluate(
    `async ({ loadPlugins }, paths) => {
      const results = [];
      for (const path of paths) {
        try {
          const [{ plugin }] = await loadPlugins([{ path, folder: ${JSON.stringify(folder)}, origin: 'c.yaml: plugins.0' }]);
          results.push(Object.values(plugin).flat().map(({ name }) => name).join());
        } catch (error) {
          results.push(error.name + ': ' + error.message);
        }
      }
      return results;
    }`,
    ...paths,
  );
}

const definition = (name: string): string =>
  `{ name: '${name}', options: z.strictObject({}), build: () => () => { throw new Error('not built here'); } }`;

describe('a plugin', () => {
  it('may be TypeScript or JavaScript, with other files that it imports', async () => {
    write('parts/width.ts', 'export type Width = number;\nexport const width: Width = 3;\n');
    const typed = `
      import { definePlugin, defineAuxiliary, z, type Site } from 'locallearn';
      import { width, type Width } from './parts/width.ts';
      const of = (site: Site): Width => site.features.channels + width;
      export const plugin = definePlugin({ auxiliaries: [defineAuxiliary(${definition('typed')})] });`;
    const plain = `import { z } from 'locallearn'; export const plugin = { bridges: [${definition('plain')}], losses: [] };`;
    write('typed.ts', typed);
    write('typed.mts', typed);
    write('plain.mjs', plain);
    expect(await loadEach('typed.ts', './typed.mts', join(folder, 'plain.mjs'))).toEqual([
      'typed',
      'typed',
      'plain',
    ]);
  });

  it('gets the running program and its TensorFlow.js, whatever is installed beside it', async () => {
    write('node_modules/locallearn/package.json', '{ "name": "locallearn", "main": "index.js" }');
    write('node_modules/locallearn/index.js', 'exports.UserError = 1; exports.z = {};');
    write('node_modules/@tensorflow/tfjs/index.js', 'exports.engine = () => 1;');
    const path = write(
      'same.ts',
      `import * as tf from '@tensorflow/tfjs';
       import { UserError } from 'locallearn';
       export const seen: unknown[] = [UserError, tf.engine()];
       export const plugin = {};`,
    );
    const tfjs = pathToFileURL(join(dist, '../node_modules/@tensorflow/tfjs/dist/tf.node.js')).href;
    const same = await evaluate<boolean[]>(
      `async ({ UserError, loadPlugins }, [path]) => {
        await loadPlugins([{ path, folder: '.', origin: '' }]);
        const { seen } = await import('file://' + path);
        const { default: tf } = await import(${JSON.stringify(tfjs)});
        return [seen[0] === UserError, seen[1] === tf.engine()];
      }`,
      path,
    );
    expect(same).toEqual([true, true]);
    rmSync(join(folder, 'node_modules'), { recursive: true });
  });

  it('is refused in one line that names the file where it is none', async () => {
    const cases: readonly (readonly [name: string, text: string, message: RegExp])[] = [
      [
        'throws.ts',
        'const x: number = 1;\n\nthrow new Error("boom\\nsecond line");',
        /:3:7: .*loaded: boom$/,
      ],
      ['text.mjs', 'throw "just text";', /: the plugin cannot be loaded: just text$/],
      ['enum.ts', '\nenum A { B }\nexport const plugin = {};', /enum is not supported .*enum\.ts:2\)$/],
      ['syntax.ts', 'const x: = 3;', /: the plugin cannot be loaded: .*syntax\.ts:1\)$/],
      ['syntax.mjs', 'const x = ;', /: the plugin cannot be loaded: Unexpected token ';'$/],
      ['import.ts', 'import "no-such-package";', /Cannot find package 'no-such-package'/],
      ['name.ts', 'import { nothing } from "locallearn";', /export named 'nothing'$/],
      ['none.mjs', 'export const a = 1, b = 2;', /must have "export const plugin = .* exports a, b$/],
      ['empty.ts', 'export {};', /must have "export const plugin = .* exports nothing$/],
      ['number.mjs', 'export const plugin = 3;', /: plugin: must be a map, not 3$/],
      [
        'key.mjs',
        'export const plugin = { auxiliarys: [] };',
        /: plugin\.auxiliarys: unknown key \(did you mean "auxiliaries"\?\); allowed: networks, methods, /,
      ],
      [
        'build.mjs',
        'import { z } from "locallearn"; export const plugin = { losses: [{ name: "a", options: z.object({}) }] };',
        /: plugin\.losses\.0\.build: must be a function$/,
      ],
      [
        'options.mjs',
        'export const plugin = { losses: [{ name: "a", options: {}, build() {} }] };',
        /: plugin\.losses\.0\.options: must be a schema, such as z\.strictObject/,
      ],
      [
        'taken.mjs',
        'import { z } from "locallearn"; const options = z.object({ weight: z.number() });\n' +
          'export const plugin = { losses: [{ name: "a", options, build() {} }] };',
        /: plugin\.losses\.0\.options: has an option "weight", which means something else/,
      ],
      [
        'words.mjs',
        `import { z } from "locallearn"; export const plugin = { methods: [${definition('two words')}] };`,
        /: plugin\.methods\.0\.name: must be letters, digits/,
      ],
    ];
    const paths = cases.map(([name, text]) => write(name, text));
    const results = await loadEach(...paths);
    results.forEach((result, i) => {
      const [name, , message] = cases[i]!;
      expect(result).toMatch(message);
      expect(result).toMatch(/^UserError: [^\n]*$/);
      expect(result).toContain(join(folder, name));
    });
  });

  it('is a file on disk, not a package, a URL or a folder', async () => {
    write('folder.ts/a.txt', '');
    const results = await loadEach(
      'nowhere.ts',
      'typescript',
      'data:text/javascript,1',
      'https://127.0.0.1/x.mjs',
      'node:fs',
      'folder.ts',
      '',
    );
    expect(results).toEqual([
      expect.stringMatching(/^UserError: c\.yaml: plugins\.0: cannot read the plugin: ENOENT.*nowhere\.ts'$/),
      expect.stringMatching(/: typescript: a plugin is a file that ends in \.ts, \.mts, \.js or \.mjs$/),
      expect.stringMatching(/a plugin is a file that ends in/),
      expect.stringMatching(/cannot read the plugin: ENOENT/),
      expect.stringMatching(/a plugin is a file that ends in/),
      expect.stringMatching(/cannot read the plugin: EISDIR/),
      expect.stringMatching(/a plugin is a file that ends in/),
    ]);
  });
});

describe('a config', () => {
  const config = (plugins: string, method: string): string =>
    `name: c\ndata: { name: fashion-mnist }\nnetwork: { name: resnet, layers: 8 }\n` +
    `train: { epochs: 1, batchSize: 8, learningRate: 0.1 }\nplugins: ${plugins}\nmethod: ${method}\n`;

  type Loaded = Record<string, unknown>;

  /** Loads each config with plugins of the command line. */
  function loadAll(
    ...configs: readonly (readonly [path: string, ...plugins: string[]])[]
  ): Promise<Loaded[]> {
    return evaluate(
      `async ({ configDocument, loadConfig }, [configs]) => {
        const results = [];
        for (const [path, ...plugins] of JSON.parse(configs)) {
          try {
            const { config, registry } = await loadConfig(path, [], plugins);
            results.push({ config: configDocument(config), methods: registry.methods.map(({ name }) => name) });
          } catch (error) {
            results.push({ error: error.name + ': ' + error.message });
          }
        }
        return results;
      }`,
      JSON.stringify(configs),
    );
  }
  const load = async (path: string, ...plugins: string[]): Promise<Loaded> =>
    (await loadAll([path, ...plugins]))[0]!;

  const source = `import { z } from 'locallearn';
    const build = () => { throw new Error('not built here'); };
    export const plugin = {
      methods: [{ name: 'plugged', options: z.object({ depth: z.int().default(3) }), build }],
      auxiliaries: [{ name: 'wide', options: z.object({ width: z.int().default(7) }), build }],
    };`;
  const sha256 = createHash('sha256').update(source).digest('hex');

  it('names plugins from its own folder, and lists them by path and SHA-256 when it is read', async () => {
    const plugin = write('sub/plugged.mjs', source);
    const path = write('sub/c.yaml', config('[plugged.mjs]', '{ method: plugged }'));
    const first = await load(path);
    expect(first).toMatchObject({
      config: { plugins: [{ path: plugin, sha256 }], method: { method: 'plugged', depth: 3 } },
    });
    expect(first['methods']).toContain('plugged');
    const again = write('c-again.yaml', JSON.stringify(first['config']));
    expect(await load(again)).toEqual(first);
  });

  it('takes the command line’s too, and a file that both name once', async () => {
    const other = write('other.mjs', source.replace("'plugged'", "'other'").replace("'wide'", "'wider'"));
    const plugin = write('sub/plugged.mjs', source);
    symlinkSync(plugin, join(folder, 'linked.mjs'));
    const method = '{ method: custom, blocks: 2, auxiliary: wide, bridge: momentum }';
    const path = write('sub/c.yaml', config('[./plugged.mjs]', method));
    const loaded = await load(path, join(folder, 'linked.mjs'), other);
    expect(loaded).toMatchObject({
      config: {
        plugins: [{ path: plugin, sha256 }, { path: other }],
        method: { auxiliary: { name: 'wide', width: 7 } },
      },
    });
    expect(loaded['methods']).toEqual(expect.arrayContaining(['bp', 'custom', 'plugged', 'other']));
  });

  it('suggests the names of plugins', async () => {
    write('sub/plugged.mjs', source);
    const methods = [
      '{ method: pluged }',
      '{ method: custom, blocks: 2, auxiliary: wde }',
      '{ method: custom, blocks: 2, auxiliary: { name: wide, widht: 3 } }',
    ];
    const loaded = await loadAll(
      ...methods.map((method, i) => [write(`sub/wrong-${i}.yaml`, config('[plugged.mjs]', method))] as const),
    );
    expect(loaded.map(({ error }) => error)).toEqual([
      expect.stringMatching(
        /wrong-0\.yaml:6:11: method\.method: must be one of bp, .*, plugged, not "pluged" \(did you mean "plugged"\?\)$/,
      ),
      expect.stringMatching(
        /method\.auxiliary\.name: must be one of .*, wide, not "wde" \(did you mean "wide"\?\)$/,
      ),
      expect.stringMatching(
        /method\.auxiliary\.widht: unknown key \(did you mean "width"\?\); allowed: name, width$/,
      ),
    ]);
  });

  it('refuses a plugin that is not the one recorded', async () => {
    write('sub/plugged.mjs', `${source}\n// changed`);
    const path = write(
      'recorded.yaml',
      config(`[{ path: sub/plugged.mjs, sha256: ${sha256} }]`, '{ method: plugged }'),
    );
    expect((await load(path))['error']).toMatch(
      /^UserError: .*recorded\.yaml:\d+:\d+: plugins\.0: .*plugged\.mjs is not the file that was recorded: .* take sha256 out to use this one$/,
    );
  });

  it('refuses what is no list of files before any code runs', async () => {
    const ran = join(folder, 'ran');
    const path = write(
      'writes.mjs',
      `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(ran)}, '');`,
    );
    const wrong = (name: string, plugins: string): string => write(name, config(plugins, '{ method: bp }'));
    const loaded = await loadAll(
      [wrong('key.yaml', `[{ path: ${path}, sha25: 1 }]`)],
      [wrong('type.yaml', `[${path}, 3]`)],
    );
    expect(loaded.map(({ error }) => error)).toEqual([
      expect.stringMatching(
        /plugins\.0\.sha25: unknown key \(did you mean "sha256"\?\); allowed: path, sha256$/,
      ),
      expect.stringMatching(/plugins\.1: must be the path of a plugin, or a map \{ path, sha256 \}, not 3$/),
    ]);
    expect(() => readFileSync(ran)).toThrow(/ENOENT/);
  });

  it('refuses names that are taken', async () => {
    const taken = write('taken-name.mjs', source.replace("'wide'", "'dgl'"));
    const same = write('same.mjs', source.replace("'wide'", "'wider'"));
    const twin = write('twin.mjs', source.replace("'plugged'", "'other'"));
    const plugin = write('sub/plugged.mjs', source);
    const path = write('sub/c.yaml', config('[plugged.mjs]', '{ method: plugged }'));
    const alone = write('alone.yaml', config(`[${taken}]`, '{ method: plugged }'));
    expect((await loadAll([path, same], [path, twin], [alone])).map(({ error }) => error)).toEqual([
      `UserError: ${same}: method "plugged" is defined here and in ${plugin} too; call one otherwise`,
      `UserError: ${twin}: auxiliary "wide" is defined here and in ${plugin} too; call one otherwise`,
      `UserError: ${taken}: auxiliary "dgl" is defined here and in locallearn itself too; call one otherwise`,
    ]);
  });
});
