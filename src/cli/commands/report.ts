import { statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { UserError } from '../../core/errors.js';
import { writeFileAtomic } from '../../core/files.js';
import type { Command } from '../command.js';
import { notify } from '../progress.js';

const reportOptions = {
  out: {
    type: 'string',
    requiresArg: true,
    describe: 'the file to write [report.html in the folder, or here if there are several]',
  },
} as const;

interface ReportArguments {
  readonly folders: readonly string[];
  readonly out: string | undefined;
}

export const reportCommand: Command<object, ReportArguments> = {
  command: 'report <folders..>',
  options: reportOptions,
  describe: 'write one HTML file with curves, memory, tables and configs of runs',
  builder: (yargs) =>
    yargs
      .positional('folders', {
        type: 'string',
        array: true,
        demandOption: true,
        describe: 'run folders, or folders that hold some',
      })
      .options(reportOptions)
      .example('$0 report experiments/runs/demo', '')
      .example('$0 report runs/bp runs/auglocal --out report.html', ''),
  handler: async ({ folders, out }) => {
    const { uncheckedData } = await import('../../runs/data.js');
    const { readReport } = await import('../../report/read-report.js');
    const data = readReport(folders);
    if (data.runs.length === 0) {
      throw new UserError(
        data.unreadable[0]?.message ??
          `${folders.join(', ')}: no runs here; a run folder has a config.yaml and a metrics.csv`,
      );
    }
    const { page } = await import('../../report/page.js');
    const { writing } = await import('../../runs/write-failure.js');
    const title = folders.map((folder) => basename(resolve(folder))).join(', ');
    const path = out ?? (folders.length === 1 ? join(folders[0]!, 'report.html') : 'report.html');
    const html = await page(data, { title, now: new Date() });
    writing(path, () => writeFileAtomic(path, html));
    for (const { message } of data.unreadable) process.stderr.write(`warning: left out: ${message}\n`);
    const unrecorded = data.runs.filter((run) => run.data === undefined).length;
    if (unrecorded > 0 && data.runs.length > 1)
      notify(`${unrecorded} of ${data.runs.length} runs: ${uncheckedData}`, false);
    process.stdout.write(
      `report: ${path} (${data.runs.length} ${data.runs.length === 1 ? 'run' : 'runs'}, ${Math.ceil(statSync(path).size / 1000)} kB)\n`,
    );
  },
};
