import { z } from 'zod';
import { background, imageSize } from './fields.js';

/** What data sets of one's own, of image files, have. */
export const ownFields = {
  imageSize,
  background,
  /** 3: red, green and blue; 1: grey. */
  channels: z.literal([3, 1]).default(3),
  /** Per channel, of pixel values scaled to 0…1; default: ImageNet's, for grey their average. */
  mean: z.array(z.number().min(0).max(1)).exactOptional(),
  std: z.array(z.number().positive().max(1)).exactOptional(),
  /** Which split to evaluate on; needed only where both are there. */
  evaluateOn: z.enum(['test', 'val']).exactOptional(),
};

/** What they may say wrongly although each option is right by itself. */
export function checkOwn(
  options: {
    readonly channels: number;
    readonly mean?: readonly number[];
    readonly std?: readonly number[];
    /** One of those that every data set has. */
    readonly validation?: number;
    readonly evaluateOn?: string;
  },
  context: z.RefinementCtx,
): void {
  const { channels, validation, evaluateOn } = options;
  for (const key of ['mean', 'std'] as const) {
    const values = options[key];
    if (values && values.length !== channels) {
      const message = `must have a number for each of ${channels} channels, not ${values.length}`;
      context.addIssue({ code: 'custom', path: [key], message });
    }
  }
  if (validation !== undefined && evaluateOn !== undefined) {
    const message = `cannot go with "validation", which holds out training images to evaluate on`;
    context.addIssue({ code: 'custom', path: ['evaluateOn'], message });
  }
}
