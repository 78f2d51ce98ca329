import { statSync } from 'node:fs';
import { join } from 'node:path';
import { formatBytes } from '../../core/text.js';
import type { Command } from '../command.js';
import { runSetOption, weightsOption } from '../options.js';

const formats = ['safetensors', 'onnx'] as const;

const exportOptions = {
  set: runSetOption,
  format: {
    choices: formats,
    demandOption: true,
    requiresArg: true,
    describe: "weights by PyTorch's names, or a model that ONNX Runtime runs",
  },
  weights: weightsOption,
  out: { type: 'string', requiresArg: true, describe: 'the file [<run>/model.<format>]' },
  json: { type: 'boolean', default: false, describe: 'a line of JSON instead of text' },
} as const;

interface ExportArguments {
  readonly run: string;
  readonly set: readonly string[];
  readonly format: (typeof formats)[number];
  readonly weights: (typeof weightsOption.choices)[number] | undefined;
  readonly out: string | undefined;
  readonly json: boolean;
}

export const exportCommand: Command<object, ExportArguments> = {
  command: 'export <run>',
  options: exportOptions,
  describe: 'write the trained network of a run folder, for PyTorch or ONNX Runtime',
  builder: (yargs) =>
    yargs
      .positional('run', { type: 'string', demandOption: true, describe: 'a run folder' })
      .options(exportOptions)
      .example('$0 export runs/2026-01-01T12-00-00-cifar10-man-s1 --format onnx', ''),
  handler: async ({ run, set, format, weights: which, out = join(run, `model.${format}`), json }) => {
    const { exportRun } = await import('../../runs/export.js');
    if (format === 'onnx') {
      const { selectEngine } = await import('../../engine/select.js');
      await selectEngine('auto');
    }
    await exportRun(run, format, out, which, set);
    const bytes = statSync(out).size;
    process.stdout.write(
      json
        ? `${JSON.stringify({ file: out, format, bytes })}\n`
        : `${format}: ${out} (${formatBytes(bytes)})\n`,
    );
  },
};
