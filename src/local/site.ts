import type { MapShape, Network, Unit } from '../networks/network.js';

/** Where an auxiliary net is attached, and how far along the network that is. */
export interface Site {
  readonly network: Network;
  /** The unit whose output (or, behind a momentum bridge, whose kind of output) the auxiliary net reads. */
  readonly unit: Unit;
  /** Shape of the features read. */
  readonly features: MapShape;
  /** Position of the block, from 0. */
  readonly position: number;
  /** Blocks of the partition, the last one, with the network's head, included. */
  readonly blocks: number;
}

/** The shape of one image that a network reads. */
export function imageOf({ imageShape: [height, width, channels] }: Network): MapShape {
  return { height, width, channels };
}
