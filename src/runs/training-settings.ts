import type { Config } from '../config/config.js';
import { accumulateOf, type MethodConfig } from '../config/method-config.js';
import { builtInRegistry, type Registry } from '../config/registry.js';
import type { ConfiguredTraining } from '../train/context.js';
import type { Experiment } from './experiment.js';

/** A config's `train` section as the trainer takes it: without where the run begins. */
export function sectionOf(train: Config['train']): Omit<Config['train'], 'init'> {
  const section = { ...train };
  delete section.init;
  return section;
}

/** How an experiment's config has a method trained, the same on all of its ranks. */
export function trainingSettings(
  { config, engine, registry }: Pick<Experiment, 'config' | 'engine' | 'registry'>,
  method: MethodConfig,
): ConfiguredTraining {
  const { optimizers, schedules, metrics } = registry;
  return {
    ...sectionOf(config.train),
    captureSteps: capturesSteps({ config, registry }),
    accumulate: accumulateOf(method, config.train),
    seed: config.seed,
    engine,
    ...{ optimizers, schedules, metrics },
  };
}

/** Whether steps and evaluation are captured: as the config says, or where nothing of them is a plugin's. */
export function capturesSteps({ config, registry }: Pick<Experiment, 'config' | 'registry'>): boolean {
  return config.train.captureSteps ?? stepsAreBuiltIn(registry);
}

/** Whether nothing that a plugin adds computes anything of a training step. */
function stepsAreBuiltIn({ methods, networks, choices }: Registry): boolean {
  const { paths, bridges, auxiliaries, losses } = choices;
  const own = builtInRegistry;
  return (
    methods.length === own.methods.length &&
    networks.length === own.networks.length &&
    paths.length === own.choices.paths.length &&
    bridges.length === own.choices.bridges.length &&
    auxiliaries.length === own.choices.auxiliaries.length &&
    losses.length === own.choices.losses.length
  );
}
