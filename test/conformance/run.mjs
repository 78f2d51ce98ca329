// Runs TensorFlow.js's own op tests against the engine that tests run on: npm run test:tfjs [-- part of a test's name]
import { spawnSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const here = new URL('.', import.meta.url);
// Three folders below the root, as src/engine/torch is, which the bundled code finds the native bridge from.
const output = fileURLToPath(new URL('../../dist/test/conformance/suite.mjs', here));

// The package's tests import the package's ES modules, whose names lack extensions, and have to share one instance of
// TensorFlow.js with the engine: a bundle gives both.
const bundle = await rolldown({
  input: fileURLToPath(new URL('main.ts', here)),
  platform: 'node',
  resolve: { mainFields: ['module', 'main'], extensionAlias: { '.js': ['.ts', '.js'] } },
  external: [/^jasmine-core/],
  // tfjs-core declares its modules free of side effects, its tests among them.
  treeshake: false,
  onLog: (level, log, handle) => {
    if (level === 'warn') return;
    handle(level, log);
  },
});
await bundle.write({ file: output, format: 'esm', codeSplitting: false });
const { status, error } = spawnSync(process.execPath, [output, ...process.argv.slice(2)], {
  stdio: 'inherit',
});
if (error) throw error;
await rm(output, { force: true });
process.exitCode = status ?? 1;
