import { z } from 'zod';
import { UserError } from '../../core/errors.js';
import { convolutionalNet } from '../axes/auxiliary/convolutional.js';
import { type Choices } from '../axes/axes.js';
import { buildChosen, choiceSchema, type Chosen } from '../../core/choice.js';
import { composeStrategy } from '../compose.js';
import { contextModes, contextNames } from '../axes/context/context.js';
import { type LocalLoss } from '../axes/loss/loss.js';
import { weighted } from '../axes/loss/weighted.js';
import { defineMethod } from '../method.js';
import { stageCuts } from '../partition/options.js';
import { alongStages, rampedWeight, type Progress, type WeightRange } from '../axes/loss/ramp.js';
import { alongOwnBlocks, weightRange } from '../axes/loss/ramp.js';
import { partition, ramp } from './fragments.js';

/**
 * Any combination of the choices on the five axes. A choice is a name, or a map of its name and its options. The loss
 * is a term or a list of terms, each with a weight.
 */
export const customMethod = (choices: Choices) =>
  defineMethod({
    name: 'custom',
    options: z.strictObject({
      ...partition,
      path: choiceSchema(choices.paths).prefault('independent'),
      bridge: choiceSchema(choices.bridges).prefault('none'),
      /** For a loss that has one: 1c2f if not given. */
      auxiliary: choiceSchema(choices.auxiliaries).exactOptional(),
      loss: lossSchema(choices).prefault('cross-entropy'),
      /** How the terms' weights run from their first value to their last; over the blocks if not given. */
      ramp: ramp.exactOptional(),
      fusion: choiceSchema(choices.fusions).prefault('whole'),
      /** What each block after the first reads beside the features of the block before, by ContSup's names. */
      context: z
        .enum(['none', ...contextNames, 'image'])
        .default('none')
        // What runs of older versions call it.
        .transform((name) => (name === 'image' ? 'E' : name)),
    }),
    build(network, options) {
      const { cuts, count } = stageCuts(network, { method: 'custom', ...options });
      const bridge = buildChosen(choices.bridges, options.bridge);
      const loss = lossOf(
        choices,
        options.loss,
        options.ramp === 'stages' ? alongStages(count) : alongOwnBlocks,
      );
      refuseContradictions(options, loss);
      return composeStrategy(network, {
        name: 'custom',
        cuts,
        path: buildChosen(choices.paths, options.path),
        ...(bridge === undefined ? {} : { bridge }),
        auxiliary:
          options.auxiliary === undefined
            ? convolutionalNet('1c2f')
            : buildChosen(choices.auxiliaries, options.auxiliary),
        loss,
        fusion: buildChosen(choices.fusions, options.fusion),
        ...(options.context === 'none' ? {} : { context: contextModes[options.context] }),
      });
    },
  });

/** A term of the loss; its weight stands beside its own options. */
type Term = Chosen & { readonly weight: WeightRange };
type TermInput = string | (Chosen & { readonly weight?: number | WeightRange });

function lossSchema({ losses }: Choices): z.ZodType<readonly Term[], TermInput | readonly TermInput[]> {
  const term = choiceSchema(losses, { weight: weightRange.default([1, 1]) });
  const listed = (value: unknown): unknown => (Array.isArray(value) ? value : [value]);
  return z.preprocess(listed, z.array(term).min(1)) as unknown as z.ZodType<readonly Term[], TermInput>;
}

function refuseContradictions(
  {
    auxiliary,
    loss: terms,
    ramp,
  }: { readonly auxiliary?: Chosen; readonly loss: readonly Term[]; readonly ramp?: string },
  loss: LocalLoss,
): void {
  if (auxiliary !== undefined && !loss.classifies) {
    throw new UserError(
      `custom: no term of the loss reads the auxiliary net ${auxiliary.name}; leave it out, or add a term such as cross-entropy`,
    );
  }
  const idle = terms.find(({ weight }) => weight.every((value) => value === 0));
  if (idle !== undefined) {
    throw new UserError(`custom: the loss ${idle.name} has weight 0 everywhere; leave the term out`);
  }
  if (ramp !== undefined && terms.every(({ weight: [first, last] }) => first === last)) {
    throw new UserError(
      `custom: ramp says how weights change along the network, but no weight changes; give a term weight: [first, last], or leave out ramp`,
    );
  }
}

function lossOf({ losses }: Choices, terms: readonly Term[], progress: Progress): LocalLoss {
  const built = terms.map(({ weight, ...chosen }) => ({
    name: chosen.name,
    loss: buildChosen(losses, chosen),
    weight,
  }));
  const [only] = built;
  if (built.length === 1 && only!.weight.every((value) => value === 1)) return only!.loss;
  return weighted(built.map(({ weight, ...term }) => ({ ...term, weight: rampedWeight(weight, progress) })));
}
