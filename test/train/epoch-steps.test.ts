import { describe, expect, it } from 'vitest';
import { loneImageNote, trainingSteps } from '../../src/train/epoch-steps.js';

describe('the steps of an epoch', () => {
  it.each([
    ['CIFAR-10', 50_000, 1024, 49, 48],
    ['SVHN', 73_257, 1024, 72, 71],
    ['STL-10', 5000, 128, 40, 39],
  ])('of %s are those of the published loaders', (_, images, batchSize, kept, dropped) => {
    expect(trainingSteps(images, { batchSize, lastBatch: 'keep' })).toMatchObject({
      steps: kept,
      leftOut: 0,
    });
    expect(trainingSteps(images, { batchSize, lastBatch: 'drop' })).toMatchObject({
      ...{ steps: dropped, last: batchSize, leftOut: images % batchSize },
    });
  });

  it.each([
    [17, 16, { steps: 1, last: 16, leftOut: 1 }],
    [18, 16, { steps: 2, last: 2, leftOut: 0 }],
    [32, 16, { steps: 2, last: 16, leftOut: 0 }],
    [3, 1, { steps: 3, last: 1, leftOut: 0 }],
  ])('%i images in batches of %i', (images, batchSize, division) => {
    expect(trainingSteps(images, { batchSize, lastBatch: 'keep' })).toEqual(division);
  });

  it('a note tells of an image that is left over', () => {
    expect(loneImageNote(17, { batchSize: 16, lastBatch: 'keep' })).toMatch(/^of 17 .* batches of 16 one is/);
    expect(loneImageNote(17, { batchSize: 16, lastBatch: 'drop' })).toBeUndefined();
    expect(loneImageNote(18, { batchSize: 16, lastBatch: 'keep' })).toBeUndefined();
    expect(loneImageNote(3, { batchSize: 1, lastBatch: 'keep' })).toBeUndefined();
  });
});
