import type { Command } from '../command.js';
import { withInterrupts } from '../interrupts.js';
import { configArgument, configOf, configOptions, type ConfigArguments } from '../options.js';
import { notify, slowNotes } from '../progress.js';

const summaryOptions = {
  ...configOptions,
  method: {
    type: 'string',
    requiresArg: true,
    describe: 'only this one: a label or method of the config, or any other with its defaults',
  },
  json: { type: 'boolean', default: false, describe: 'a line of JSON for the network and for each method' },
} as const;

type SummaryArguments = ConfigArguments & { readonly method: string | undefined; readonly json: boolean };

export const summaryCommand: Command<object, SummaryArguments> = {
  command: 'summary <config>',
  options: summaryOptions,
  describe: 'units, shapes, parameters and multiply-adds of a network, and what each method makes of it',
  builder: (yargs) =>
    yargs
      .positional('config', configArgument)
      .options(summaryOptions)
      .example('$0 summary configs/demo.yaml', '')
      .example('$0 summary configs/imagenet/resnet34/bp.yaml --method auglocal', ''),
  handler: async ({ method, json, ...args }) => {
    const { config, registry } = await configOf(args);
    const { backpropagation } = await import('../../config/method-config.js');
    const { memoryMethods } = await import('../../measure/memory/methods.js');
    const { openSetting } = await import('../../measure/memory/setting.js');
    const { outlineMethod, outlineNetwork } = await import('../../measure/outline/outline.js');
    const { methodText, networkText } = await import('../../measure/outline/output.js');
    const methods = memoryMethods(config, registry, method);
    await withInterrupts(async (signal) => {
      const { setting, notice } = await openSetting(config, registry);
      notify(notice, args.quiet || json);
      const print = (value: object, text: () => string): void =>
        void process.stdout.write(json ? `${JSON.stringify(value)}\n` : text());
      const network = await outlineNetwork(setting);
      print(network, () => networkText(network));
      const options = { signal, onProgress: slowNotes(args.quiet || json) };
      const bp = await outlineMethod(setting, backpropagation, options);
      for (const each of methods) {
        if (signal.aborted) return;
        const outline = await outlineMethod(setting, each, options);
        print(outline, () => `\n${methodText(outline, bp)}`);
      }
    });
  },
};
