import type { EngineReport } from '../engine/select.js';
import type { Machine } from '../core/machine.js';

/** What `locallearn doctor` tells. */
export interface Diagnosis {
  readonly machine: Machine;
  readonly engines: readonly EngineReport[];
  /** What each data set holds, or what is missing. */
  readonly datasets: readonly { readonly name: string; readonly found: boolean; readonly detail: string }[];
}

/** The diagnosis as plain lines, the same for a terminal and a pipe. */
export function doctorReport({ machine, engines, datasets }: Diagnosis): string {
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
    '\ndata sets\n',
    ...datasets.map(({ name, found, detail }) => line(name, found, detail)),
  ].join('');
}
