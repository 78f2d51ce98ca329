import type { StepCost } from '../local/step-cost.js';

/** What a method takes, of all that decides whether it is worth it but the accuracy. */
export interface Taken {
  readonly peakMemoryBytes: number;
  readonly imagesPerSecond: number;
  /** Undefined where they were not counted, as in runs of earlier versions. */
  readonly multiplyAdds: StepCost | undefined;
}

/** What a method takes beside the reference. */
export interface Trade {
  /** Peak over the reference's. */
  readonly memoryTimesBp: number;
  /** Of a training image's time, as measured, beyond the reference's: 0.27 for 27 % more. */
  readonly timeOverhead: number;
  /** The same of its multiply-adds; undefined where they were not counted. */
  readonly multiplyAddsOverhead: number | undefined;
}

/** Sets what a method takes against the reference, which `referenceOf` finds. */
export function tradeOf(own: Taken, reference: Taken): Trade {
  const [ownCost, referenceCost] = [own.multiplyAdds, reference.multiplyAdds];
  return {
    memoryTimesBp: own.peakMemoryBytes / reference.peakMemoryBytes,
    timeOverhead: reference.imagesPerSecond / own.imagesPerSecond - 1,
    multiplyAddsOverhead:
      ownCost === undefined || referenceCost === undefined
        ? undefined
        : perImage(ownCost) / perImage(referenceCost) - 1,
  };
}

function perImage({ images, network, auxiliary }: StepCost): number {
  return (network + auxiliary) / images;
}
