import { officialNames, type OfficialName } from '../../data/options.js';
import { loadDataset } from '../../data/registry.js';
import { UserError } from '../../core/errors.js';
import { thisMachine } from '../../core/machine.js';
import type { Command } from '../command.js';
import { doctorReport, type Diagnosis } from '../doctor-report.js';

const doctorOptions = {
  json: { type: 'boolean', default: false, describe: 'a line of JSON instead of text' },
} as const;

export const doctorCommand: Command<object, { readonly json: boolean }> = {
  command: 'doctor',
  options: doctorOptions,
  describe: 'tell which engines and data sets are there, and what to install for more',
  builder: doctorOptions,
  handler: async ({ json }) => {
    const { probeEngines } = await import('../../engine/probe.js');
    const { nativeSource, nativeStatus } = await import('../../engine/torch/load-native.js');
    const engines = await probeEngines();
    const datasets: Diagnosis['datasets'][number][] = [];
    for (const name of officialNames) datasets.push(await examine(name));
    const status = nativeStatus();
    const diagnosis = {
      ...{ machine: thisMachine(), engines, native: nativeSource(), datasets },
      ...(status.available ? { distributed: status.native.distributed?.backends ?? [] } : {}),
    };
    process.stdout.write(json ? `${JSON.stringify(diagnosis)}\n` : doctorReport(diagnosis));
  },
};

/** Reads the data set whole, so that a damaged file is told too. */
async function examine(name: OfficialName): Promise<Diagnosis['datasets'][number]> {
  try {
    const { train, test } = await loadDataset({ name }, 0);
    return { name, found: true, detail: `${train.size} training and ${test.size} test images` };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { name, found: false, detail: error.message };
  }
}
