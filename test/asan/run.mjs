// Random calls of the native bridge under AddressSanitizer: npm run test:asan [-- --seed 1] [-- --plain]
// --plain calls the ordinary build. Needs GCC's libasan, which comes with g++.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { rolldown } from 'rolldown';

const { values: args } = parseArgs({
  options: { seed: { type: 'string', default: '1' }, plain: { type: 'boolean', default: false } },
});
const path = (name) => fileURLToPath(new URL(name, import.meta.url));

if (!args.plain) {
  const build = spawnSync(process.execPath, [path('../../scripts/build-native.mjs'), '--asan'], {
    stdio: 'inherit',
  });
  if (build.status !== 0) process.exit(build.status ?? 1);
}
const folder = await mkdtemp(join(tmpdir(), 'locallearn-asan-'));
try {
  const program = path('../../dist/test/asan/main.mjs');
  const bundle = await rolldown({
    input: path('main.ts'),
    platform: 'node',
    resolve: { extensionAlias: { '.js': ['.ts', '.js'] } },
    external: ['fast-check'],
  });
  await bundle.write({ file: program, format: 'esm', codeSplitting: false });
  const compiler = process.env.CXX || 'c++';
  const asan = args.plain
    ? {}
    : {
        LD_PRELOAD: execFileSync(compiler, ['-print-file-name=libasan.so'], { encoding: 'utf8' }).trim(),
        // Node frees nothing when it ends; a request for more than there is must throw, not end the process.
        ASAN_OPTIONS: 'detect_leaks=0:allocator_may_return_null=1:handle_segv=2',
      };
  const log = join(folder, 'call');
  const build = resolve(process.env.LOCALLEARN_BRIDGE || path('../../native/build'));
  const addon = join(build, args.plain ? '' : 'asan', 'locallearn.node');
  const { status, signal } = spawnSync(process.execPath, [program, addon, args.seed, log], {
    stdio: 'inherit',
    env: { ...process.env, OMP_NUM_THREADS: '2', OMP_WAIT_POLICY: 'passive', GLOG_minloglevel: '2', ...asan },
  });
  if (status !== 0) {
    const last = await readFile(log, 'utf8').catch(() => 'none');
    console.error(
      `ended with ${signal ?? `exit code ${status}`}; the last call was\n  ${last.split('\n')[0]}`,
    );
    process.exitCode = 1;
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
