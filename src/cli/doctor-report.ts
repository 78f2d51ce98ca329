import type { EngineReport } from '../engine/probe.js';
import type { NativeSource } from '../engine/torch/load-native.js';
import type { Machine } from '../core/machine.js';

/** What `locallearn doctor` tells. */
export interface Diagnosis {
  readonly machine: Machine;
  readonly engines: readonly EngineReport[];
  /** Which libtorch the torch engine was built with, and why; left out where it was not. */
  readonly native?: NativeSource | undefined;
  /** What processes of it can train together over, such as `gloo`; left out where the engine is not there. */
  readonly distributed?: readonly string[] | undefined;
  /** What each data set holds, or what is missing. */
  readonly datasets: readonly { readonly name: string; readonly found: boolean; readonly detail: string }[];
}

/** The diagnosis as plain lines, the same for a terminal and a pipe. */
export function doctorReport({ machine, engines, native, distributed, datasets }: Diagnosis): string {
  const { cpu, cores, memoryBytes, system, platform, node, locallearn } = machine;
  const chosen = engines.find(({ available }) => available)?.name;
  const names = [...engines, ...datasets].map(({ name }) => name);
  const width = Math.max(...names.map((name) => name.length));
  const line = (name: string, ok: boolean, detail: string): string =>
    `  ${name.padEnd(width)}  ${ok ? 'yes' : 'no '}  ${detail}\n`;
  return [
    `locallearn ${locallearn}, node ${node}, ${system}, ${platform}\n`,
    `${cpu}, ${cores} cores, ${(memoryBytes / 1e9).toFixed(1)} GB of memory\n`,
    '\nengines, fastest first\n',
    ...engines.map(({ name, available, detail, remedy }) =>
      line(name, available, remedy === undefined ? detail : `${detail}: ${remedy}`),
    ),
    chosen === undefined ? '' : `"engine: auto" takes ${chosen}.\n`,
    native === undefined ? '' : libtorchLines(native),
    distributed === undefined ? '' : distributedLine(distributed),
    '\ndata sets\n',
    ...datasets.map(({ name, found, detail }) => line(name, found, detail)),
  ].join('');
}

function libtorchLines({ libtorch, bridge, passedOver }: NativeSource): string {
  return [
    `torch was built with ${libtorch}; the bridge is in ${bridge}.\n`,
    'libtorch is looked for in LIBTORCH; where that is not set, in the Pythons (that of the PATH, /usr/bin/python3, .venv), then as libtorch-dev. The first that can be used is taken:\n',
    ...passedOver.map((line) => `  passed over: ${line}\n`),
    'To choose another: LIBTORCH=FOLDER npx locallearn setup, with include/ and lib/ in FOLDER.\n',
  ].join('');
}

function distributedLine(backends: readonly string[]): string {
  return backends.length === 0
    ? 'train --parallel: no; this libtorch has no torch.distributed.\n'
    : `train --parallel: yes, over ${backends.join(' and ')}.\n`;
}
