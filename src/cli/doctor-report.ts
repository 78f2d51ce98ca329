import type { EngineReport } from '../engine/select.js';
import type { Machine } from '../core/machine.js';

/** What `locallearn doctor` tells. */
export interface Diagnosis {
  readonly machine: Machine;
  readonly engines: readonly EngineReport[];
  /** Which libtorch the torch engine was built with; left out where it was not. */
  readonly libtorch?: string | undefined;
  /** What processes of it can train together over, such as `gloo`; left out where the engine is not there. */
  readonly distributed?: readonly string[] | undefined;
  /** What each data set holds, or what is missing. */
  readonly datasets: readonly { readonly name: string; readonly found: boolean; readonly detail: string }[];
}

/** The diagnosis as plain lines, the same for a terminal and a pipe. */
export function doctorReport({ machine, engines, libtorch, distributed, datasets }: Diagnosis): string {
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
    libtorch === undefined
      ? ''
      : `torch was built with ${libtorch}; to choose another: LIBTORCH=FOLDER npx locallearn setup, with include/ and lib/ in FOLDER.\n`,
    distributed === undefined ? '' : distributedLine(distributed),
    '\ndata sets\n',
    ...datasets.map(({ name, found, detail }) => line(name, found, detail)),
  ].join('');
}

function distributedLine(backends: readonly string[]): string {
  return backends.length === 0
    ? 'train --parallel: no; this libtorch has no torch.distributed.\n'
    : `train --parallel: yes, over ${backends.join(' and ')}.\n`;
}
