// The package as its users get it: npm run test:package. Packs this checkout, installs the tarball in an empty folder
// elsewhere, and there compiles, runs and trains, on a PATH without a compiler. Takes packages from npm, or its cache.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The oldest that the declarations have to compile with, and the newest there is. */
const compilers = { oldest: 'npm:typescript@~5.6.0', newest: 'npm:typescript@latest' };

const checkout = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'locallearn-package-'));
const user = join(folder, 'user');
const installed = join(user, 'node_modules', 'locallearn');
const began = performance.now();
const step = (text) =>
  console.log(`${((performance.now() - began) / 1000).toFixed(0).padStart(4)} s  ${text}`);
const find = (program) =>
  process.env.PATH.split(delimiter)
    .map((each) => join(each, program))
    .find((path) => existsSync(path)) ?? assert.fail(`no ${program} on the PATH`);
const npm = (cwd, ...args) =>
  execFileSync(find('npm'), args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

/** Runs in the user's folder with what PATH names. */
function run(path, program, ...args) {
  const env = { ...process.env, PATH: path, OMP_NUM_THREADS: '2' };
  const { status, stdout, stderr } = spawnSync(find(program), args, { cwd: user, env, encoding: 'utf8' });
  return { status, stdout, stderr };
}

function compile(compiler, file, options) {
  const base = join(user, 'node_modules', compiler);
  const { bin, version } = JSON.parse(readFileSync(join(base, 'package.json'), 'utf8'));
  const strict = ['--strict', '--module', 'nodenext', '--target', 'es2022', '--outDir', 'out'];
  const { status, stdout } = run(process.env.PATH, 'node', join(base, bin.tsc), file, ...strict, ...options);
  assert.equal(status, 0, `TypeScript ${version}, ${file} ${options.join(' ')}:\n${stdout}`);
  step(`${file} compiles with TypeScript ${version} ${options.join(' ')}`);
}

try {
  mkdirSync(user);
  const [{ filename, size }] = JSON.parse(npm(checkout, 'pack', '--json', '--pack-destination', folder));
  writeFileSync(join(user, 'package.json'), JSON.stringify({ type: 'module', private: true }));
  const versions = Object.entries(compilers).map(([name, version]) => `${name}@${version}`);
  npm(user, 'install', '--prefer-offline', '--no-audit', '--no-fund', join(folder, filename), ...versions);
  step(`installed from a tarball of ${(size / 1e6).toFixed(1)} MB`);

  const sources = (root) =>
    readdirSync(join(root, 'native'), { recursive: true }).filter((name) =>
      /^(?!build\/).*\.(cc|h|hpp)$/.test(name),
    );
  assert.deepEqual(
    sources(installed).sort(),
    sources(checkout).sort(),
    'all sources of the bridge are shipped',
  );
  const copies = readdirSync(join(user, 'node_modules'), { recursive: true }).filter((name) =>
    name.endsWith(join('@tensorflow', 'tfjs', 'package.json')),
  );
  assert.deepEqual(copies, [join('@tensorflow', 'tfjs', 'package.json')], 'one copy of TensorFlow.js');

  const examples = ['mixer.ts', 'my-strategy.ts'];
  for (const name of ['program.ts', 'with-tfjs.ts']) cpSync(new URL(name, import.meta.url), join(user, name));
  for (const name of examples) cpSync(join(checkout, 'experiments', 'examples', name), join(user, name));
  for (const compiler of Object.keys(compilers)) {
    compile(compiler, 'program.ts', []);
    compile(compiler, 'program.ts', ['--lib', 'es2022', '--types', 'node']);
    for (const name of ['with-tfjs.ts', ...examples])
      compile(compiler, name, ['--skipLibCheck', '--types', 'node']);
  }

  const bin = join(folder, 'bin');
  mkdirSync(bin);
  for (const name of ['node', 'npx', 'sh', 'bash', 'env', 'dirname', 'ls', 'readlink', 'grep']) {
    symlinkSync(find(name), join(bin, name));
  }
  const advice = /^(note: )?Running on the engine wasm: .* run "npx locallearn setup"\.$/m;
  const program = run(bin, 'node', 'out/program.js');
  assert.equal(program.status, 0, program.stderr);
  assert.match(program.stdout, /^wasm: accuracy 0\.\d+\n$/);
  assert.match(program.stderr, advice);
  step(`the program ran: ${program.stdout.trim()}`);

  const small = ['train.epochs=1', 'data.trainImages=64', 'data.testImages=20'].flatMap((each) => [
    '--set',
    each,
  ]);
  const demo = run(bin, 'npx', 'locallearn', 'demo', ...small);
  assert.equal(demo.status, 0, demo.stderr);
  for (const method of ['bp', 'auglocal', 'man', 'hpff'])
    assert.match(demo.stdout, new RegExp(`^${method} `, 'm'));
  assert.equal(demo.stderr.split('\n').filter((line) => advice.test(line)).length, 1, demo.stderr);
  assert.ok(existsSync(join(user, 'experiments', 'runs', 'demo', 'summary.json')));
  step('npx locallearn demo trained its five, on a small part of its images');

  const none = run(bin, 'npx', 'locallearn', 'setup');
  assert.equal(none.status, 1);
  assert.match(none.stderr, /^build-native: no C\+\+ compiler 'c\+\+': install g\+\+/m);
  step('npx locallearn setup says what is missing');

  // The bridge as a package: its tarball is made of this checkout's build, and never published.
  const prebuilt = join(folder, 'prebuilt');
  execFileSync(process.execPath, [join(checkout, 'scripts', 'prebuilt-bridge.mjs'), prebuilt], {
    stdio: 'inherit',
  });
  const [packed] = JSON.parse(npm(prebuilt, 'pack', '--json', '--pack-destination', folder));
  npm(user, 'install', '--prefer-offline', '--no-audit', '--no-fund', join(folder, packed.filename));
  const linked = run(bin, 'npx', 'locallearn', 'setup');
  assert.equal(linked.status, 0, linked.stderr);
  const fast = run(bin, 'node', 'out/program.js');
  assert.match(fast.stdout, /^torch: accuracy 0\.\d+\n$/, fast.stderr);
  assert.match(
    run(bin, 'npx', 'locallearn', 'doctor').stdout,
    /the bridge is in .*@locallearn.torch-linux-x64-cpu/,
  );
  step(`with the bridge as a package of ${(packed.size / 1e6).toFixed(1)} MB: ${fast.stdout.trim()}`);
} finally {
  rmSync(folder, { recursive: true });
}
