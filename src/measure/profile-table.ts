import type { ProfiledCall } from '../engine/torch/native.js';
import type { ProfileResult } from './profile.js';
import { textTable } from '../core/table.js';
import { formatBytes, formatRate, plural } from '../core/text.js';

/** Operators below this share of the step are summed in one row, and left out inside others. */
const leastShare = 0.005;
/** Where a single part takes this share of a call, the parts say no more than the call. */
const wholeShare = 0.95;

/** A profile as people read it: a summary, time by operator, time by update. */
export function profileText(result: ProfileResult): string {
  const { method, layers, batch, threads, steps, milliseconds, plainMilliseconds } = result;
  return [
    `${method}, ResNet-${layers}, batch ${batch}, ${plural(threads, 'thread')}: `,
    `${plainMilliseconds.toFixed(1)} ms a step (median of ${steps}), `,
    `${formatRate((1000 * batch) / plainMilliseconds)} images/s; `,
    `profiled ${milliseconds.toFixed(1)} ms (mean of ${steps})\n\n`,
    textTable({
      header: ['operator', 'calls', 'ms', 'share', 'µs a call', 'allocated', 'peak'],
      rows: operatorRows(result),
    }),
    '\n',
    textTable({
      header: ['update', 'gradients ms', 'optimiser ms', 'share', 'peak memory'],
      rows: updateRows(result),
    }),
    `\nin libtorch's convolutions: ${result.convolutionMilliseconds.toFixed(1)} ms, `,
    `${percent(result.convolutionMilliseconds / milliseconds)} of the step\n`,
  ].join('');
}

function operatorRows(result: ProfileResult): string[][] {
  const { operators, milliseconds, bridgeMilliseconds, javascriptMilliseconds } = result;
  const share = (value: number): string => percent(value / milliseconds);
  const row = (call: ProfiledCall, indent: number): string[] => [
    '  '.repeat(indent) + call.name,
    formatCount(call.calls),
    call.milliseconds.toFixed(2),
    share(call.milliseconds),
    ((1000 * call.milliseconds) / call.calls).toFixed(1),
    formatBytes(call.allocatedBytes),
    formatBytes(call.peakBytes),
  ];
  const large = (call: ProfiledCall): boolean => call.milliseconds >= leastShare * milliseconds;
  const withParts = (call: ProfiledCall, indent: number): string[][] => {
    const parts = call.inside.filter(large);
    const saysNoMore = parts.some((part) => part.milliseconds >= wholeShare * call.milliseconds);
    return [row(call, indent), ...(saysNoMore ? [] : parts.flatMap((part) => withParts(part, indent + 1)))];
  };
  const rest = operators.filter((call) => !large(call));
  const sumOf = (pick: (call: ProfiledCall) => number): number =>
    rest.reduce((total, call) => total + pick(call), 0);
  const restRow = row(
    {
      name: `${rest.length} others`,
      calls: sumOf(({ calls }) => calls),
      milliseconds: sumOf((call) => call.milliseconds),
      allocatedBytes: sumOf(({ allocatedBytes }) => allocatedBytes),
      peakBytes: Math.max(...rest.map(({ peakBytes }) => peakBytes)),
      inside: [],
    },
    0,
  );
  const plain = (name: string, value: number): string[] => [name, '', value.toFixed(2), share(value)];
  return [
    ...operators.filter(large).flatMap((call) => withParts(call, 0)),
    ...(rest.length > 0 ? [restRow] : []),
    plain('bridge: arguments and results', bridgeMilliseconds),
    plain('JavaScript: TensorFlow.js, tape', javascriptMilliseconds),
    plain('sum', milliseconds),
  ];
}

function updateRows({ updates, inputMilliseconds, milliseconds }: ProfileResult): string[][] {
  const share = (value: number): string => percent(value / milliseconds);
  const gradients = updates.reduce((total, update) => total + update.gradientMilliseconds, 0);
  const optimizer = updates.reduce((total, update) => total + update.optimizerMilliseconds, 0);
  const peak = Math.max(...updates.map(({ peakBytes }) => peakBytes));
  return [
    ['images to the engine', inputMilliseconds.toFixed(2), '', share(inputMilliseconds)],
    ...updates.map((update) => [
      update.name,
      update.gradientMilliseconds.toFixed(2),
      update.optimizerMilliseconds.toFixed(2),
      share(update.gradientMilliseconds + update.optimizerMilliseconds),
      formatBytes(update.peakBytes),
    ]),
    [
      'sum',
      (inputMilliseconds + gradients).toFixed(2),
      optimizer.toFixed(2),
      share(inputMilliseconds + gradients + optimizer),
      formatBytes(peak),
    ],
  ];
}

const formatCount = (calls: number): string => (Number.isInteger(calls) ? String(calls) : calls.toFixed(1));
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
