import { z } from 'zod';

/** λ1 and λ2 of the first and of the last block, as all of the published programs call them. */
export const weights = { ixx_1: z.number(), ixy_1: z.number(), ixx_2: z.number(), ixy_2: z.number() };

/** Of a method that takes them and does not read them. */
export const unreadWeights = {
  ixx_1: z.number().exactOptional(),
  ixy_1: z.number().exactOptional(),
  ixx_2: z.number().exactOptional(),
  ixy_2: z.number().exactOptional(),
};

/** Of a loss that has no weights, or one: the reconstruction's must be 0 and the classification's 1. */
export const noWeights = {
  ixx_1: z.literal(0).exactOptional(),
  ixy_1: z.literal(1).exactOptional(),
  ixx_2: z.literal(0).exactOptional(),
  ixy_2: z.literal(1).exactOptional(),
};
