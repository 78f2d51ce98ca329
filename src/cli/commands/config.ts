import { stringify } from 'yaml';
import type { Command } from '../command.js';
import { configArgument, configOf, configOptions, type ConfigArguments } from '../options.js';

const printOptions = {
  ...configOptions,
  json: { type: 'boolean', default: false, describe: 'JSON instead of YAML' },
} as const;

type PrintArguments = ConfigArguments & { readonly json: boolean };

export const configCommand: Command<object, PrintArguments> = {
  command: 'config <config>',
  options: printOptions,
  describe: 'print a config as it is understood: what it extends merged in, defaults filled in',
  builder: (yargs) =>
    yargs
      .positional('config', configArgument)
      .options(printOptions)
      .example('$0 config configs/demo.yaml', '')
      .example('$0 config configs/demo.yaml --set train.epochs=2 --json', ''),
  handler: async ({ json, ...args }) => {
    const { config } = await configOf(args);
    const { configDocument } = await import('../../config/config.js');
    const document = configDocument(config);
    process.stdout.write(json ? `${JSON.stringify(document, undefined, 2)}\n` : stringify(document));
  },
};
