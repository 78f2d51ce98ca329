/** Some of the ranks that were started. */
export interface PartOfRanks {
  /** Its own. */
  readonly name: string;
  /** By their ranks among all, in the group's order. */
  readonly ranks: readonly number[];
}

/** Of a rank, where several runs of ranks have all blocks each. */
export interface MeshPlace {
  /** Ranks that have all blocks together, in the order of the blocks. */
  readonly row: PartOfRanks;
  /** Ranks with the same blocks, in the order of their shares of every batch. */
  readonly column: PartOfRanks;
}

/**
 * Where a rank stands: row after row, so that neighbours in blocks, between which features travel, have ranks that follow
 * each other, and share a host where it has room for whole rows.
 *
 * @param blocks how many ranks have all blocks together
 * @param size of all ranks
 */
export function meshPlace(rank: number, blocks: number, size: number): MeshPlace {
  const [share, place] = [Math.floor(rank / blocks), rank % blocks];
  return {
    row: { name: `share ${share}`, ranks: Array.from({ length: blocks }, (_, i) => share * blocks + i) },
    column: {
      name: `blocks ${place}`,
      ranks: Array.from({ length: size / blocks }, (_, i) => i * blocks + place),
    },
  };
}
