import { randomStream, type RandomStream } from '../../core/random.js';

/** A sample's own random stream for a purpose: no purpose takes another's numbers. */
export type SampleStreams = (purpose: string) => RandomStream;

/** The streams of the split's image `index` in an epoch. */
export function sampleStreams(seed: number, epoch: number, index: number): SampleStreams {
  return (purpose) => randomStream(seed, 'data', purpose, epoch, index);
}
