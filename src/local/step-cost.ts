import { z } from 'zod';

/** Multiply-adds, as `countMultiplyAdds` counts them. */
export interface StepMultiplyAdds {
  /** With the network's own weights: forward, backward, and where something is made again once more. */
  readonly network: number;
  /** All others. */
  readonly auxiliary: number;
}

/** Multiply-adds of a step on so many images. */
export interface StepCost extends StepMultiplyAdds {
  readonly images: number;
}

/** As run folders hold it. */
export const stepCostSchema = z.object({
  /** Of how many images: those of a whole batch, unless the process that trained saw none. */
  images: z.int().min(1),
  network: z.number().min(0),
  auxiliary: z.number().min(0),
});
