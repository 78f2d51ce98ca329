import { textTable } from '../../core/table.js';
import { formatBytes } from '../../core/text.js';
import type { ListedConfig, MethodEstimate } from './listing.js';

/** A config and what each of its methods is estimated to take. */
export interface EstimatedConfig {
  readonly listed: ListedConfig;
  readonly methods: readonly MethodEstimate[];
}

/** Of all methods together: the times added, the largest peak; undefined where one is not known. */
function total(methods: readonly MethodEstimate[]): { seconds: number; peakBytes: number } | undefined {
  const known = methods.flatMap(({ estimate }) => estimate ?? []);
  if (known.length === 0 || known.length < methods.length) return undefined;
  return {
    seconds: known.reduce((sum, { seconds }) => sum + seconds, 0),
    peakBytes: Math.max(...known.map(({ peakBytes }) => peakBytes)),
  };
}

/**
 * A line for each config. `memoryBytes` is what the machine has, where the engine computes in it: peaks beyond it are
 * marked.
 */
export function configTable(configs: readonly EstimatedConfig[], memoryBytes: number): string {
  return textTable({
    header: ['config', 'data', 'there', 'network', 'methods', 'epochs', 'time', 'peak memory'],
    rows: configs.flatMap(({ listed: { path, config, dataPresent }, methods }) => {
      if (config === undefined) return [];
      const sum = total(methods);
      const mark = sum !== undefined && sum.peakBytes > memoryBytes ? '!' : '';
      const { name, ...size } = config.network;
      return [
        [
          ...[path, config.data.name, dataPresent ? 'yes' : 'no', [name, ...sizeOf(size)].join('-')],
          methods.length === 1 ? methods[0]!.label : String(methods.length),
          ...[String(config.train.epochs), sum === undefined ? '–' : formatDuration(sum.seconds)],
          sum === undefined ? '–' : `${mark}${formatBytes(sum.peakBytes)}`,
        ],
      ];
    }),
  });
}

function sizeOf(network: Readonly<Record<string, unknown>>): string[] {
  return typeof network['layers'] === 'number' ? [String(network['layers'])] : [];
}

/** 42 → `42 s`, 150 → `2.5 min`, 10800 → `3.0 h`, from two days on in days. */
export function formatDuration(seconds: number): string {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 3600) return `${(seconds / 60).toFixed(1)} min`;
  if (seconds < 48 * 3600) return `${(seconds / 3600).toFixed(1)} h`;
  return `${(seconds / 86_400).toFixed(1)} days`;
}

/** A line of JSON. */
export function configRecord({ listed, methods }: EstimatedConfig): string {
  const { path, config, problem, dataPresent } = listed;
  const record = {
    path,
    ...(problem === undefined ? {} : { problem }),
    ...(config === undefined
      ? {}
      : {
          ...{ name: config.name, data: config.data.name, dataPresent, network: config.network },
          ...{ epochs: config.train.epochs, batchSize: config.train.batchSize },
          methods: methods.map(({ method, label, estimate }) => ({
            ...{ method: method.method.name, label },
            ...(estimate && { seconds: Math.round(estimate.seconds), peakMemoryBytes: estimate.peakBytes }),
          })),
        }),
  };
  return `${JSON.stringify(record)}\n`;
}
