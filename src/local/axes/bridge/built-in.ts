import { noOptions } from '../../../core/choice.js';
import { defineBridge } from './bridge.js';
import { momentum } from './momentum.js';
import { biasAlone, momentumAlone } from './momentum-parts.js';
import { scaledMomentum } from './scaled-momentum.js';

const none = defineBridge({ name: 'none', options: noOptions, build: () => undefined });

/** The bridges that there are without plugins. */
export const builtInBridges = [none, momentum, scaledMomentum, momentumAlone, biasAlone];
