import { expect, it } from 'vitest';
import { doctorReport } from '../../src/cli/doctor-report.js';

it('tells what is there, what is not, and what to do about it', () => {
  const report = doctorReport({
    machine: {
      cpu: 'Some Processor',
      cores: 2,
      memoryBytes: 24.2e9,
      system: 'Some Linux 1',
      platform: 'linux x64',
      node: 'v20.1.0',
      locallearn: '1.2.3',
    },
    engines: [
      {
        name: 'torch',
        available: false,
        detail: 'the bridge is not built',
        remedy: 'run "npx locallearn setup"',
      },
      { name: 'wasm', available: true, detail: 'WebAssembly, 1 thread' },
    ],
    native: {
      libtorch: 'libtorch 1.13.0 (libtorch-dev in /usr/lib)',
      bridge: 'native/build',
      passedOver: ['LIBTORCH: not set', 'torch of python3: none'],
    },
    distributed: ['gloo'],
    datasets: [{ name: 'cifar10', found: false, detail: 'data_batch_1.bin is missing' }],
  });
  expect(report.split('\n')).toEqual([
    'locallearn 1.2.3, node v20.1.0, Some Linux 1, linux x64',
    'Some Processor, 2 cores, 24.2 GB of memory',
    '',
    'engines, fastest first',
    '  torch    no   the bridge is not built: run "npx locallearn setup"',
    '  wasm     yes  WebAssembly, 1 thread',
    '"engine: auto" takes wasm.',
    'torch was built with libtorch 1.13.0 (libtorch-dev in /usr/lib); the bridge is in native/build.',
    'libtorch is looked for in LIBTORCH; where that is not set, in the Pythons (that of the PATH, /usr/bin/python3, .venv), then as libtorch-dev. The first that can be used is taken:',
    '  passed over: LIBTORCH: not set',
    '  passed over: torch of python3: none',
    'To choose another: LIBTORCH=FOLDER npx locallearn setup, with include/ and lib/ in FOLDER.',
    'train --parallel: yes, over gloo.',
    '',
    'data sets',
    '  cifar10  no   data_batch_1.bin is missing',
    '',
  ]);
});
