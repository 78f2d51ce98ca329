import { z } from 'zod';
import { choiceSchema, defineChoice, noOptions, type Choice, type Chosen } from '../core/choice.js';

/** When in a training. */
export interface Moment {
  /** From 1. */
  readonly epoch: number;
  /** Steps of that epoch that are done. */
  readonly step: number;
  /** Steps an epoch. */
  readonly steps: number;
}

/** The share of the peak learning rate at a moment, warm-up left aside, in a training of so many epochs. */
export type Schedule = (moment: Moment, epochs: number) => number;

/** A schedule by name: its options, and what makes it. */
export type ScheduleKind = Choice<Schedule>;

/** A schedule that a config can name: `train: { schedule: … }`. Returns its argument. */
export const defineSchedule = defineChoice<Schedule>();

const cosine = (at: number, of: number): number => (1 + Math.cos((Math.PI * at) / of)) / 2;
/** Epochs that are done, a part of one among them. */
const doneAt = ({ epoch, step, steps }: Moment): number => epoch - 1 + step / steps;
const share = z.number().positive().max(1);

/**
 * PyTorch's `OneCycleLR`, step by step, momentum as it is: from peak / `divide` to the peak in the share `rise` of all
 * steps, then down to peak / `divide` / `divideLast` in the last one.
 */
const oneCycle = defineSchedule({
  name: 'one-cycle',
  options: z.strictObject({
    rise: share.default(0.3),
    divide: z.number().min(1).default(25),
    divideLast: z.number().min(1).default(1e4),
    curve: z.enum(['cosine', 'linear']).default('cosine'),
  }),
  build:
    ({ rise, divide, divideLast, curve }) =>
    ({ epoch, step, steps }, epochs) => {
      const last = epochs * steps - 1;
      const peak = rise * (last + 1) - 1;
      const at = (epoch - 1) * steps + step;
      const between = (from: number, to: number, done: number): number =>
        curve === 'linear' ? from + (to - from) * done : to + (from - to) * cosine(done, 1);
      if (at < peak) return between(1 / divide, 1, at / peak);
      return between(1, 1 / divide / divideLast, last === peak ? 0 : (at - peak) / (last - peak));
    },
});

/** PyTorch's `MultiStepLR`: times `factor` after each of the epochs `at`. */
const steps = defineSchedule({
  name: 'steps',
  options: z.strictObject({
    at: z
      .array(z.int().min(1))
      .min(1)
      .refine((at) => at.every((end, i) => i === 0 || end > at[i - 1]!), 'must be epochs in rising order')
      .readonly(),
    factor: share.default(0.1),
  }),
  build:
    ({ at, factor }) =>
    ({ epoch }) =>
      factor ** at.filter((end) => epoch > end).length,
});

/** PyTorch's `LinearLR`, step by step: from the share `from` of the peak to `to`, over all epochs or the first `over`. */
const linear = defineSchedule({
  name: 'linear',
  options: z.strictObject({
    from: share.default(1),
    to: z.number().min(0).max(1).default(0),
    over: z.int().min(1).exactOptional(),
  }),
  build:
    ({ from, to, over }) =>
    (moment, epochs) =>
      from + (to - from) * Math.min(1, doneAt(moment) / (over ?? epochs)),
});

/**
 * By name alone: `cosine` once an epoch, as the papers' CIFAR code does it, down to 0 in the last; `cosine-imagenet` the
 * same an epoch later, as their ImageNet code does it; `cosine-steps` the same curve at every step, for short runs;
 * `step` a tenth after each third of the epochs, as torchvision's networks were trained (He et al. 2016); `constant`.
 */
const plain: readonly (readonly [PlainSchedule, Schedule])[] = [
  ['cosine', ({ epoch }, epochs) => cosine(epoch, epochs)],
  ['cosine-imagenet', ({ epoch }, epochs) => cosine(epoch - 1, epochs)],
  ['cosine-steps', (moment, epochs) => cosine(doneAt(moment), epochs)],
  ['step', ({ epoch }, epochs) => 0.1 ** Math.floor((3 * (epoch - 1)) / epochs)],
  ['constant', () => 1],
];

/** A schedule that has no options. */
export type PlainSchedule = 'cosine' | 'cosine-imagenet' | 'cosine-steps' | 'step' | 'constant';

/** The schedules that there are without plugins. */
export const builtInSchedules: readonly ScheduleKind[] = [
  ...plain.map(([name, schedule]) => defineSchedule({ name, options: noOptions, build: () => schedule })),
  oneCycle,
  steps,
  linear,
];

/** A schedule of these: one that is built in and has no options by its name alone, others with their options. */
export function scheduleOption(kinds: readonly ScheduleKind[]) {
  return choiceSchema(kinds).transform((chosen): PlainSchedule | Chosen =>
    plain.some(([name]) => name === chosen.name) ? (chosen.name as PlainSchedule) : chosen,
  );
}
