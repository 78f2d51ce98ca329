import { describe, expect, test } from 'vitest';
import { dataOptionsSchema } from '../../src/data/options.js';
import { check } from '../../src/core/schema-problems.js';

function problem(value: unknown): string {
  const result = check(dataOptionsSchema, value);
  if ('value' in result) return JSON.stringify(result.value);
  return result.problems.map(({ path, message }) => `${path.map(String).join('.')}: ${message}`).join('; ');
}

describe('data options', () => {
  test('have defaults where there is one', () => {
    expect(dataOptionsSchema.parse({ name: 'cifar100' })).toEqual({
      name: 'cifar100',
      dir: 'datasets/cifar100',
      onBadImage: 'fail',
    });
    expect(dataOptionsSchema.parse({ name: 'fashion-mnist' })).toEqual({
      name: 'fashion-mnist',
      onBadImage: 'fail',
    });
    expect(dataOptionsSchema.parse({ name: 'svhn' })).toMatchObject({ dir: 'datasets/svhn', extra: false });
    expect(dataOptionsSchema.parse({ name: 'imagenet' })).toMatchObject({
      dir: 'datasets/imagenet',
      imageSize: 224,
    });
    expect(dataOptionsSchema.parse({ name: 'folder', dir: 'x' })).toMatchObject({
      imageSize: 224,
      channels: 3,
    });
    expect(dataOptionsSchema.parse({ name: 'csv', file: 'x.csv' })).not.toHaveProperty('dir');
  });

  test('name the background of transparent parts where there are image files', () => {
    const background = [255, 128, 0];
    for (const own of [{ name: 'folder', dir: 'x' }, { name: 'csv', file: 'x' }, { name: 'imagenet' }]) {
      expect(dataOptionsSchema.parse({ ...own, background })).toMatchObject({ background });
      expect(dataOptionsSchema.parse(own)).not.toHaveProperty('background');
    }
    expect(problem({ name: 'cifar10', background })).toContain('background: unknown key');
    expect(problem({ name: 'folder', dir: 'x', background: 'white' })).toBe(
      'background: must be a list of three whole numbers 0 to 255: [red, green, blue]',
    );
    expect(problem({ name: 'folder', dir: 'x', background: [0, 0, 256] })).toContain('background');
  });

  test('are the same when they are read again', () => {
    const options = {
      name: 'csv',
      file: 'x',
      imageSize: [3, 4],
      validation: 0.1,
      augmentation: { flip: false },
    };
    const once = dataOptionsSchema.parse(options);
    expect(dataOptionsSchema.parse(once)).toEqual(once);
  });

  test.each([
    [
      { name: 'cifar' },
      'name: must be one of fashion-mnist, cifar10, cifar100, svhn, stl10, imagenet, folder, csv, parquet, not "cifar" (did you mean "cifar10"?)',
    ],
    [{ name: 'folder' }, 'dir: missing; must be text'],
    [{ name: 'csv' }, 'file: missing; must be text'],
    [{ name: 'folder', dir: 'a\nb' }, 'dir: must be a path on one line'],
    [
      { name: 'cifar10', imageSize: 3 },
      'imageSize: unknown key; allowed: name, dir, trainImages, testImages, validation, augmentation, onBadImage',
    ],
    [
      { name: 'imagenet', imageSize: [224] },
      'imageSize: must be a whole number 1 to 4096, or a list of two: [height, width]',
    ],
    [{ name: 'imagenet', imageSize: 0 }, 'imageSize: must be at least 1, not 0'],
    [{ name: 'cifar10', validation: 1 }, 'validation: must be less than 1, not 1'],
    [{ name: 'cifar10', validation: 0 }, 'validation: must be greater than 0, not 0'],
    [{ name: 'cifar10', onBadImage: 'ignore' }, 'onBadImage: must be one of fail, skip, not "ignore"'],
    [{ name: 'folder', dir: 'x', mean: [0.5] }, 'mean: must have a number for each of 3 channels, not 1'],
    [
      { name: 'folder', dir: 'x', channels: 1, std: [1, 1, 1] },
      'std: must have a number for each of 1 channels, not 3',
    ],
    [{ name: 'folder', dir: 'x', std: [0, 1, 1] }, 'std.0: must be greater than 0, not 0'],
    [{ name: 'folder', dir: 'x', channels: 2 }, 'channels: must be one of 3, 1, not 2'],
    [
      { name: 'csv', file: 'x', validation: 0.1, evaluateOn: 'val' },
      'evaluateOn: cannot go with "validation", which holds out training images to evaluate on',
    ],
  ])('%j is refused', (options, message) => {
    expect(problem(options)).toBe(message);
  });
});
