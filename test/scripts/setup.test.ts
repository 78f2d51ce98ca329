import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const hasCompiler = spawnSync('c++', ['--version']).status === 0;

/**
 * A checkout whose bridge is one small file, with Pythons whose torch is a few lines: all of set-up but npm's part and
 * the long compilation.
 */
describe.skipIf(!hasCompiler && process.env['CI'] === undefined)(
  'set-up with a torch on the PATH (needs a C++ compiler)',
  () => {
    let folder = '';
    const write = (path: string, text: string) => {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text, { mode: 0o755 });
    };
    /** A libtorch of headers and of empty libraries, and a Python that has it. */
    const writeTorch = (python: string, site: string, version: number, header: string) => {
      const torch = `${site}/torch`;
      write(`${torch}/include/ATen/ATen.h`, '');
      write(`${torch}/include/ATen/core/dispatch/Dispatcher.h`, header);
      write(
        `${torch}/include/torch/csrc/api/include/torch/version.h`,
        `#define TORCH_VERSION_MAJOR ${version}\n#define TORCH_VERSION_MINOR 0\n#define TORCH_VERSION_PATCH 0\n`,
      );
      for (const name of ['torch', 'torch_cpu', 'c10']) {
        const library = join(folder, torch, `lib/lib${name}.so`);
        mkdirSync(dirname(library), { recursive: true });
        spawnSync('c++', ['-shared', '-x', 'c++', '/dev/null', '-o', library]);
      }
      write(python, `#!/bin/sh\necho '{"torch": ["${folder}/${torch}"], "nvidia": []}'\n`);
    };
    const works =
      'namespace c10 { struct Dispatcher { static Dispatcher singleton() { return {}; } ' +
      'struct Name { const char* name; const char* overload; }; bool findSchema(Name) { return true; } }; }\n';
    const broken = `${'#error made for another compiler\nnonsense nonsense;\n'.repeat(50)}`;
    const setUp = (environment: NodeJS.ProcessEnv = {}) => {
      const { status, stdout, stderr } = spawnSync('bash', ['checkout/scripts/setup.sh'], {
        cwd: folder,
        encoding: 'utf8',
        env: {
          ...process.env,
          LIBTORCH: '',
          CXX: '',
          ...environment,
          PATH: `${join(folder, 'bin')}:${process.env['PATH']}`,
        },
      });
      return { status, lines: `${stdout}${stderr}`.split('\n') };
    };
    const addon = () => join(folder, 'checkout/native/build/locallearn.node');

    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'locallearn-setup-'));
      cpSync('scripts', join(folder, 'checkout/scripts'), { recursive: true });
      symlinkSync(join(process.cwd(), 'node_modules'), join(folder, 'checkout/node_modules'));
      write(
        'checkout/native/addon.cc',
        '#include <node_api.h>\nNAPI_MODULE_INIT() { (void)env; return exports; }\n',
      );
      // As the engine `tensorflow` leaves its binding's sources there.
      write('checkout/native/build/tensorflow/binding.cc', '#error of another engine\n');
      write('bin/npm', '#!/bin/sh\n');
      // Nothing may be installed by a test; that it was asked for is seen.
      write('bin/apt-get', `#!/bin/sh\necho "$@" >> ${folder}/apt-get\nexit 1\n`);
    });
    afterEach(() => {
      rmSync(folder, { recursive: true });
    });

    it('says in one line why a torch cannot be used, and takes the next', () => {
      writeTorch('bin/python3', 'new', 99, broken);
      writeTorch('checkout/.venv/bin/python3', 'old', 3, works);
      const { status, lines } = setUp();
      const about = lines.filter((line) => line.includes('99.0.0'));
      expect(about).toEqual([
        expect.stringMatching(
          /^libtorch 99\.0\.0 \(Python's torch in \S+\/new\/torch\), CPU cannot be used: compiling a small file failed: \S+Dispatcher\.h:1:2: error: #error made for another compiler \(the whole output: native\/build\/libtorch-1\.log\)$/,
        ),
      ]);
      expect(lines.filter((line) => line.includes('error'))).toEqual(about);
      const log = readFileSync(join(folder, 'checkout/native/build/libtorch-1.log'), 'utf8');
      expect(log.split('\n').length).toBeGreaterThan(50);
      // A Python of this machine may have a torch of its own, which comes before the checkout's.
      expect(lines.find((line) => line.endsWith('; compiled 1 files'))).toMatch(
        /^native\/build\/locallearn\.node: libtorch /,
      );
      expect(existsSync(addon())).toBe(true);
      expect(existsSync(join(folder, 'apt-get'))).toBe(false);
      expect(lines).toContain('Ready. What this machine offers: node dist/cli/main.js doctor');
      expect(status).toBe(0);
    });

    it('tells of a libtorch that lacks a symbol when it is loaded, before anything is built with it', () => {
      const lacking = works.replace('bool findSchema(Name) { return true; }', 'bool findSchema(Name);');
      writeTorch('bin/python3', 'new', 99, lacking);
      writeTorch('checkout/.venv/bin/python3', 'old', 3, works);
      const { status, lines } = setUp();
      expect(lines.filter((line) => line.includes('99.0.0'))).toEqual([
        expect.stringMatching(/cannot be used: loading it failed: .*undefined symbol: \S*findSchema/),
      ]);
      expect(existsSync(addon())).toBe(true);
      expect(status).toBe(0);
    });

    it('goes on without the torch engine where there is no compiler, and says so', () => {
      writeTorch('bin/python3', 'old', 3, works);
      const { status, lines } = setUp({ CXX: 'no-such-compiler' });
      expect(lines.filter((line) => line.includes('no-such-compiler'))).toEqual([
        "build-native: no C++ compiler 'no-such-compiler': install g++ (Debian: apt-get install g++) or set CXX",
      ]);
      expect(lines.find((line) => line.startsWith('Ready'))).toMatch(/^Ready, on the slower wasm engine/);
      expect(existsSync(join(folder, 'apt-get'))).toBe(false);
      expect(status).toBe(0);
    });

    it('fails with a line where the libtorch that LIBTORCH names cannot be used', () => {
      writeTorch('bin/python3', 'old', 3, works);
      writeTorch('bin/other', 'new', 99, broken);
      const { status, lines } = setUp({ LIBTORCH: join(folder, 'new/torch') });
      expect(lines.filter((line) => line.includes('error'))).toEqual([
        expect.stringMatching(
          /^build-native: libtorch 99\.0\.0 \(LIBTORCH=\S+\), CPU cannot be used: .*#error made for/,
        ),
      ]);
      expect(lines.find((line) => line.startsWith('Ready'))).toMatch(
        /^Ready, but for the torch engine: LIBTORCH/,
      );
      expect(existsSync(addon())).toBe(false);
      expect(existsSync(join(folder, 'apt-get'))).toBe(false);
      expect(status).toBe(1);
    });
  },
);
