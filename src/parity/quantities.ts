import type { GoldenFile } from './golden-file.js';
import type { RunNumbers, TensorNumbers } from './rebuild.js';

/** Numbers that are judged by one limit. */
export type Group = 'loss' | 'logits' | 'parameters' | 'running';

/** One number of the published run. */
export interface Quantity {
  readonly group: Group;
  readonly expected: number;
  /** Whether it is a loss of the first step, which no update comes before. */
  readonly first: boolean;
  /** What its error is relative to. */
  readonly scale: number;
  readonly read: (numbers: RunNumbers) => number;
}

/** By group. */
export function byGroup<T>(f: (group: Group) => T): Record<Group, T> {
  return { loss: f('loss'), logits: f('logits'), parameters: f('parameters'), running: f('running') };
}

/** The largest, and 0 of none. */
export const largest = (values: readonly number[]): number =>
  values.reduce((most, value) => Math.max(most, value), 0);

/** NaN counts as infinitely wrong. */
export function relative({ scale }: Pick<Quantity, 'scale'>, found: number, expected: number): number {
  const error = Math.abs(found - expected) / Math.max(scale, 1e-6);
  return Number.isNaN(error) ? Infinity : error;
}

/** What double precision says where a file has it, and of parameters and running statistics the file itself. */
export function quantitiesOf(golden: GoldenFile): Quantity[] {
  const { loss_trace: trace, eval_logits: logits } = golden.float64 ?? golden;
  const sharp = golden.float64 !== undefined;
  const losses = trace.flatMap((values, step) =>
    values.map((expected, i): Quantity => {
      const read = ({ losses }: RunNumbers): number =>
        losses[step]!.length === values.length ? losses[step]![i]! : NaN;
      return { group: 'loss', expected, first: step === 0, scale: Math.abs(expected), read };
    }),
  );
  const largestLogit = largest(logits.flat().map(Math.abs));
  const ofImages = logits.flatMap((row, image) => {
    // A logit near zero has no precision of its own.
    const scale = sharp ? largestLogit : largest(row.map(Math.abs));
    return row.map((expected, i): Quantity => ({
      group: 'logits',
      expected,
      first: false,
      scale,
      read: ({ logits }) => logits[image]![i] ?? NaN,
    }));
  });
  const norms = (group: 'parameters' | 'running'): Quantity[] =>
    Object.entries(golden[group]).map(([name, { l2 }]) => ofTensor(group, name, l2, l2, ({ norm }) => norm));
  return [
    ...losses,
    ...ofImages,
    ...norms('parameters'),
    ...(sharp ? values(golden) : []),
    ...norms('running'),
  ];
}

/**
 * How much more of its tensor's norm a mean or a value may be off than the norm itself, which hardly moves where a
 * difference stands across the tensor: with two threads a ReLU of man-plus-resnet32-k16 falls on the other side of 0,
 * and one bias of a batch norm is off by 9e-6 of their norm, the norm by 1e-6.
 */
const beyondNorms = 10;

/**
 * Means and first values of parameters, as a norm says nothing of signs and places. A tensor that is off by some
 * fraction of its norm may have all of that in one value, and its mean off by that fraction of the root mean square.
 */
function values({ parameters }: GoldenFile): Quantity[] {
  return Object.entries(parameters).flatMap(([name, { shape, l2, mean, first, head }]) => {
    const rootMeanSquare = l2 / Math.sqrt(shape.reduce((product, length) => product * length, 1));
    return [
      ...(mean === undefined
        ? []
        : [ofTensor('parameters', name, mean, beyondNorms * rootMeanSquare, (tensor) => tensor.mean)]),
      ...(first ?? head ?? []).map((value, i) =>
        ofTensor('parameters', name, value, beyondNorms * l2, (tensor) => tensor.first[i] ?? NaN),
      ),
    ];
  });
}

function ofTensor(
  group: 'parameters' | 'running',
  name: string,
  expected: number,
  scale: number,
  read: (tensor: TensorNumbers) => number,
): Quantity {
  return {
    group,
    expected,
    first: false,
    scale,
    // What is missing is reported as such.
    read: (numbers) => {
      const tensor = numbers[group].get(name);
      return tensor === undefined ? expected : read(tensor);
    },
  };
}
