import { join } from 'node:path';
import type { Command } from '../command.js';
import { compareCommand, compareOptions, type CompareArguments } from './compare.js';

/** Its config and its data come with the package. */
export const demoCommand: Command<object, Omit<CompareArguments, 'config'>> = {
  command: 'demo',
  options: compareOptions,
  describe: 'train a small network on Fashion-MNIST in five ways, in minutes, and print a table',
  builder: (yargs) =>
    yargs.options(compareOptions).example('$0 demo', '').example('$0 demo --out results', ''),
  handler: async (args) => {
    const { packagedConfigs } = await import('../../measure/estimate/listing.js');
    await compareCommand.handler({ ...args, config: join(packagedConfigs(), 'demo.yaml') });
  },
};
