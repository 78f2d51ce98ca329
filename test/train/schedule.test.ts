import { describe, expect, it } from 'vitest';
import { learningRateAt, type ScheduleOptions } from '../../src/train/schedule.js';

const papers: ScheduleOptions = { schedule: 'cosine', learningRate: 0.8, epochs: 400, warmupEpochs: 10 };

const rateAt = (epoch: number, fraction: number, options: ScheduleOptions): number =>
  learningRateAt({ epoch, step: 10 * fraction, steps: 10 }, options);

describe('learningRateAt', () => {
  it("is the papers' cosine with its warm-up, the same throughout an epoch", () => {
    // ½·lr·(1 + cos(π·e/E)), and for e ≤ 10 that · (e − 1)/10 + 0.01·(11 − e)/10
    const cosine = (e: number): number => 0.4 * (1 + Math.cos((Math.PI * e) / 400));
    for (const e of [1, 2, 10]) {
      const expected = (cosine(e) * (e - 1)) / 10 + (0.01 * (11 - e)) / 10;
      expect(rateAt(e, 0, papers)).toBeCloseTo(expected, 12);
      expect(rateAt(e, 0.7, papers)).toBe(rateAt(e, 0, papers));
    }
    for (const e of [11, 200, 399]) expect(rateAt(e, 0, papers)).toBeCloseTo(cosine(e), 12);
    expect(rateAt(400, 0, papers)).toBeCloseTo(0, 12);
  });

  it('follows the curve at every step with cosine-steps', () => {
    const options: ScheduleOptions = {
      schedule: 'cosine-steps',
      learningRate: 0.1,
      epochs: 2,
      warmupEpochs: 0,
    };
    expect(rateAt(1, 0, options)).toBeCloseTo(0.1, 12);
    expect(rateAt(2, 0, options)).toBeCloseTo(0.05, 12);
    expect(rateAt(1, 0.5, options)).toBeCloseTo(0.05 * (1 + Math.SQRT1_2), 12);
    expect(rateAt(2, 1, options)).toBeCloseTo(0, 12);
  });

  it("is the papers' ImageNet code's cosine, which starts at the rate itself", () => {
    const options: ScheduleOptions = {
      schedule: 'cosine-imagenet',
      learningRate: 0.1,
      epochs: 90,
      warmupEpochs: 0,
    };
    for (const e of [1, 2, 46, 90]) {
      const expected = 0.05 * (1 + Math.cos((Math.PI * (e - 1)) / 90));
      expect(rateAt(e, 0, options)).toBeCloseTo(expected, 12);
      expect(rateAt(e, 0.7, options)).toBe(rateAt(e, 0, options));
    }
  });

  it('falls to a tenth after each third of the epochs with step', () => {
    const options: ScheduleOptions = { schedule: 'step', learningRate: 0.1, epochs: 90, warmupEpochs: 0 };
    const rates = [1, 30, 31, 60, 61, 90].map((epoch) => rateAt(epoch, 0.5, options));
    [0.1, 0.1, 0.01, 0.01, 0.001, 0.001].forEach((rate, i) => expect(rates[i]).toBeCloseTo(rate, 12));
  });

  it('warms up from the lower of 0.01 and the rate itself', () => {
    const constant: ScheduleOptions = { schedule: 'constant', learningRate: 0.1, epochs: 9, warmupEpochs: 2 };
    expect(rateAt(1, 0, constant)).toBeCloseTo(0.01, 12);
    expect(rateAt(2, 0, constant)).toBeCloseTo(0.055, 12);
    expect(rateAt(3, 0, constant)).toBe(0.1);
    expect(rateAt(1, 0, { ...constant, learningRate: 0.001 })).toBeCloseTo(0.001, 12);
  });
});
