import { expect, it } from 'vitest';
import { z } from 'zod';
import { checkGiven, imageShapeSchema, numbersSchema, validGiven } from '../../src/core/given.js';
import { UserError } from '../../src/core/errors.js';

const forms = { shape: imageShapeSchema, means: numbersSchema };

it('numbers may be in arrays of one type', () => {
  checkGiven('f', forms, { shape: Int32Array.of(2, 2, 1), means: Float32Array.of(0.5) });
  const wrong = (): void => checkGiven('f', forms, { shape: [2, 2, 1], means: ['0.5'] });
  expect(wrong).toThrow(new UserError('f: means.0: must be a number, not "0.5"'));
});

it('options that are given as undefined are left out', () => {
  const form = z.object({ clip: z.number().exactOptional(), epochs: z.int().default(3) });
  expect(validGiven('f', 'options', form, { clip: undefined, epochs: undefined })).toEqual({ epochs: 3 });
});
