import { basename, resolve } from 'node:path';
import type { Command } from '../command.js';
import { reportOf } from '../errors.js';
import { withInterrupts } from '../interrupts.js';

const watchOptions = {
  port: {
    type: 'number',
    default: 8391,
    requiresArg: true,
    describe: 'the port on 127.0.0.1; 0 takes any that is free',
  },
} as const;

export const watchCommand: Command<object, { readonly folder: string; readonly port: number }> = {
  command: 'watch <folder>',
  options: watchOptions,
  describe: "serve a folder's report on this machine, live while its runs go on",
  builder: (yargs) =>
    yargs
      .positional('folder', {
        type: 'string',
        demandOption: true,
        describe: 'a run folder, or one that holds some or will',
      })
      .options(watchOptions)
      .example('$0 watch experiments/runs/demo', ''),
  handler: async ({ folder, port }) => {
    const { serveReport } = await import('../../report/serve.js');
    const server = await serveReport(folder, {
      ...{ title: basename(resolve(folder)), port },
      onDefect: (error) => process.stderr.write(reportOf(error, true).text),
    });
    await withInterrupts(async (signal) => {
      process.stdout.write(`${server.url} shows ${folder} as it grows; Ctrl-C ends\n`);
      await new Promise((done) => signal.addEventListener('abort', done));
      await server.close();
    }, 'closing the page');
  },
};
