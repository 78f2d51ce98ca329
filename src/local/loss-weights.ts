/** What the terms of a block's loss count. */
export interface BlockWeights {
  /** From 0. */
  readonly block: number;
  readonly terms: readonly LossWeight[];
}

/** A term of a weighted loss, and λ at one block. */
export interface LossWeight {
  /** `reconstruction`, `classification`, … */
  readonly name: string;
  readonly weight: number;
}

/**
 * A line for each block where a term of the loss counts nothing, or less than nothing: published ramps reach both, and
 * nothing in a run's losses shows it.
 */
export function weightNotes(blocks: readonly BlockWeights[]): string[] {
  return blocks.flatMap(({ block, terms }) => {
    const idle = terms.filter(({ weight }) => weight === 0);
    const negative = terms.filter(({ weight }) => weight < 0);
    const none = idle.length === terms.length ? 'its loss trains nothing' : 'that term trains nothing';
    return [
      ...(idle.length > 0 ? [`block ${block + 1}: loss weight ${inWords(idle)}: ${none}`] : []),
      ...(negative.length > 0
        ? [`block ${block + 1}: loss weight ${inWords(negative)}: training makes that loss larger`]
        : []),
    ];
  });
}

const inWords = (terms: readonly LossWeight[]): string =>
  terms
    .map(({ name, weight }) => `${weight === 0 ? '0' : String(weight).replace('-', '−')} of ${name}`)
    .join(', ');
