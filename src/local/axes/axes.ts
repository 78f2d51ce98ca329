import type { AuxiliaryNet } from './auxiliary/auxiliary.js';
import { builtInAuxiliaries } from './auxiliary/built-in.js';
import type { BridgeBuilder } from './bridge/bridge.js';
import { builtInBridges } from './bridge/built-in.js';
import type { Choice } from '../../core/choice.js';
import { builtInFusions, type Fusion } from './fusion/fusion.js';
import { builtInLosses } from './loss/built-in.js';
import type { LocalLoss } from './loss/loss.js';
import { builtInPaths } from './path/built-in.js';
import type { PathBuilder } from './path/path.js';

/** What there is to choose from on each axis. */
export interface Choices {
  readonly paths: readonly Choice<PathBuilder>[];
  /** Undefined stands for no bridge. */
  readonly bridges: readonly Choice<BridgeBuilder | undefined>[];
  readonly auxiliaries: readonly Choice<AuxiliaryNet>[];
  readonly losses: readonly Choice<LocalLoss>[];
  readonly fusions: readonly Choice<Fusion>[];
}

/** What the method `custom` has to choose from without plugins. */
export const builtInChoices: Choices = {
  paths: builtInPaths(builtInLosses),
  bridges: builtInBridges,
  auxiliaries: builtInAuxiliaries,
  losses: builtInLosses,
  fusions: builtInFusions,
};
