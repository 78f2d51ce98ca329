import type { Network } from '../../../networks/network.js';
import type { Layer } from '../../../nn/layer.js';
import type { Scope } from '../../../nn/parameters.js';
import type { Block } from '../../block.js';
import type { BridgeBuilder } from '../bridge/bridge.js';
import { defineChoice } from '../../../core/choice.js';
import type { LocalLoss, LossParts } from '../loss/loss.js';
import type { LocalUpdate } from '../../update.js';

/** What a path joins into updates. */
export interface PathParts {
  readonly network: Network;
  readonly blocks: readonly Block[];
  /** `auxiliary`: below it each block has a scope of its own, numbered from 0. */
  readonly scope: Scope;
  /** What each block minimises: `loss.attach(scope, site, lossParts)`. */
  readonly loss: LocalLoss;
  readonly lossParts: LossParts;
  readonly bridge: BridgeBuilder | undefined;
}

/** What a path has made: the updates of a training step, and the nets that they own. */
export interface Path {
  readonly updates: readonly LocalUpdate[];
  /** The auxiliary nets, bridges included. */
  readonly auxiliary: readonly Layer[];
}

/** Joins blocks into updates: how features travel from block to block. */
export type PathBuilder = (parts: PathParts) => Path;

/** Defines how features travel, by name. Returns its argument. */
export const definePath = defineChoice<PathBuilder>();
