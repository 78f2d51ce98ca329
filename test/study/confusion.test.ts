import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classAccuracy, likeliest, softmax, tallyConfusion } from '../../src/study/confusion.js';

const logits = fc.float32Array({ minLength: 2, maxLength: 12, min: -50, max: 50, noNaN: true });

describe('a tally of answers', () => {
  it('counts by true class and answer', () => {
    const tally = tallyConfusion(3);
    tally.add(0, Float32Array.of(2, 1, 0));
    tally.add(0, Float32Array.of(0, 3, 1));
    tally.add(2, Float32Array.of(0, 0, 1));
    const total = tally.total();
    expect(total.counts).toEqual([
      [1, 1, 0],
      [0, 0, 0],
      [0, 0, 1],
    ]);
    expect(total).toMatchObject({ images: 3, top5: undefined });
    expect(total.accuracy).toBeCloseTo(2 / 3, 15);
    expect([0, 1, 2].map((label) => classAccuracy(total, label))).toEqual([0.5, undefined, 1]);
    const losses = [
      Math.log(Math.exp(2) + Math.E + 1) - 2,
      Math.log(1 + Math.exp(3) + Math.E),
      Math.log(2 + Math.E) - 1,
    ];
    expect(total.loss).toBeCloseTo(losses.reduce((sum, value) => sum + value) / 3, 12);
  });

  it('has the images whose class is among the five likeliest', () => {
    const tally = tallyConfusion(7);
    const falling = Float32Array.of(6, 5, 4, 3, 2, 1, 0);
    for (const label of [0, 4, 5, 6]) tally.add(label, falling);
    expect(tally.total()).toMatchObject({ accuracy: 0.25, top5: 0.5 });
  });

  it('takes of equal logits the lower class, as argmax does', () => {
    expect(likeliest(Float32Array.of(1, 2, 2, 0), 3)).toEqual([1, 2, 0]);
  });

  it('makes probabilities that add up to 1 and lie in the order of the logits', () => {
    fc.assert(
      fc.property(logits, (values) => {
        const shares = softmax(values);
        expect(shares.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 12);
        const order = likeliest(values, values.length);
        for (const [i, each] of order.slice(1).entries()) {
          expect(shares[order[i]!]!).toBeGreaterThanOrEqual(shares[each]!);
        }
      }),
    );
  });
});
