import { childScope, type Scope } from '../nn/parameters.js';
import { createUnit, type MapShape, type Network, type Unit } from './network.js';

export interface Stage {
  readonly units: number;
  readonly outChannels: number;
  /** Where it is not `outChannels`. */
  readonly nominalWidth?: number;
}

/**
 * The units of residual stages, `layer{s}.{i}`: every stage but the first starts at stride 2. `input` is the shape
 * that the first unit reads.
 */
export function residualUnits(
  root: Scope,
  input: MapShape,
  stages: readonly Stage[],
  buildUnit: Network['buildUnit'],
): Unit[] {
  let shape = input;
  return stages.flatMap(({ units, outChannels, ...width }, s) =>
    Array.from({ length: units }, (_, index) => {
      const stride = s > 0 && index === 0 ? 2 : 1;
      const inChannels = shape.channels;
      shape = {
        height: Math.ceil(shape.height / stride),
        width: Math.ceil(shape.width / stride),
        channels: outChannels,
      };
      const name = `layer${s + 1}.${index}`;
      return createUnit(
        {
          name,
          stage: s + 1,
          index,
          output: shape,
          ...width,
          build: (scope) => buildUnit(scope, { inChannels, outChannels, stride }),
        },
        childScope(root, name),
      );
    }),
  );
}
