import { z } from 'zod';
import { UserError } from '../core/errors.js';
import type { Choice } from '../core/choice.js';
import { checkedUpdates } from '../local/checked-updates.js';
import { placesIn } from './plugin-place.js';
import { checkedBridge, checkedLoss, checkedNet } from './plugin-tensors.js';
import { functionSchema, type Plugin } from './plugin.js';

const layerSchema = z.object({
  parameters: z.array(z.unknown()),
  buffers: z.array(z.unknown()),
  forward: functionSchema,
});

const strategySchema = z.object({
  name: z.string(),
  network: z.object({ units: z.array(z.unknown()) }),
  blocks: z.int().min(1),
  partition: z.array(z.array(z.string())),
  updates: z
    .array(
      z.object({
        name: z.string(),
        variables: z.array(z.unknown()),
        forward: functionSchema,
        classifier: z.object({ after: z.string(), logits: functionSchema }).exactOptional(),
      }),
    )
    .min(1),
  auxiliary: z.array(z.unknown()),
  dispose: functionSchema,
});

const networkSchema = z.object({
  name: z.string(),
  imageShape: z.array(z.int()).length(3),
  classes: z.int(),
  seed: z.int(),
  units: z
    .array(
      z.object({
        name: z.string(),
        stage: z.int(),
        index: z.int(),
        output: z.object({ height: z.int(), width: z.int(), channels: z.int() }),
        layer: layerSchema,
        build: functionSchema,
      }),
    )
    .min(1),
  head: layerSchema,
  buildBlock: functionSchema,
});

const splitSchema = z.union(
  [
    z.object({
      size: z.int().min(1),
      labels: z.instanceof(Uint16Array),
      images: z.union([z.instanceof(Uint8Array), z.instanceof(Float32Array)]),
    }),
    z.object({ size: z.int().min(1), labels: z.instanceof(Uint16Array), paths: z.object({}) }),
  ],
  { error: 'must be a split of images' },
);

const sourceSchema = z.object({
  read: functionSchema,
  describe: functionSchema.optional(),
  isPresent: functionSchema.optional(),
  counts: functionSchema.optional(),
});

const datasetSchema = z.object({
  name: z.string(),
  classes: z.array(z.string()).min(2),
  imageShape: z.array(z.int()).length(3),
  mean: z.array(z.number()),
  std: z.array(z.number()),
  train: splitSchema,
  test: splitSchema,
  augmentation: z.object({ crop: z.object({ kind: z.string() }), flip: z.boolean() }),
});

const optimizerSchema = z.object({
  step: functionSchema,
  state: functionSchema,
  restore: functionSchema,
  dispose: functionSchema,
});

const tallySchema = z.object({ add: functionSchema, total: functionSchema });

const lossSchema = z.object({ reconstructs: z.boolean(), classifies: z.boolean(), attach: functionSchema });

/**
 * The plugin with a check of whatever its methods and choices build, so that a mistake that no type checker has seen
 * is told by file and line and not where it does its harm. They throw a UserError then.
 */
export function checkedPlugin(plugin: Plugin, file: string): Plugin {
  const { datasets = [], networks = [], methods = [] } = plugin;
  const { paths = [], bridges = [], auxiliaries = [], losses = [], optimizers = [], loggers = [] } = plugin;
  const { schedules = [], metrics = [] } = plugin;
  const placeOf = placesIn(file);
  const expect = (
    kind: string,
    name: string,
    schema: z.ZodType,
    expected: string,
    value: unknown,
    what = 'build',
  ): void => {
    const result = schema.safeParse(value);
    if (result.success) return;
    const { path, message } = result.error.issues[0]!;
    const place = path.length === 0 ? message : `${path.map(String).join('.')}: ${message}`;
    throw new UserError(`${placeOf(name)}: ${kind} "${name}": ${what} must return ${expected} (${place})`);
  };
  const whose = (kind: string, name: string): string => `${placeOf(name)}: ${kind} "${name}": `;
  const checked = <Part>(
    kind: string,
    choices: readonly Choice<Part>[],
    schema: z.ZodType,
    expected: string,
  ): Choice<Part>[] =>
    choices.map((choice) => ({
      ...choice,
      build(options) {
        const part = choice.build(options);
        expect(kind, choice.name, schema, expected, part);
        return part;
      },
    }));
  return {
    loggers,
    metrics: metrics.map((metric) => ({
      ...metric,
      start(classes) {
        const tally = metric.start(classes);
        expect('metric', metric.name, tallySchema, 'a tally { add, total }', tally, 'start');
        return tally;
      },
    })),
    schedules: checked('schedule', schedules, functionSchema, '(moment, epochs) => share').map((kind) => ({
      ...kind,
      build(options) {
        const shareAt = kind.build(options);
        return (moment, epochs) => {
          const share = shareAt(moment, epochs);
          expect(
            'schedule',
            kind.name,
            z.number().min(0),
            'a function that gives a share of the learning rate',
            share,
          );
          return share;
        };
      },
    })),
    datasets: checked('data set', datasets, sourceSchema, 'a source { read, … }').map((kind) => ({
      ...kind,
      build(options) {
        const source = kind.build(options);
        return {
          ...source,
          async read(request) {
            const data = await source.read(request);
            const schema = request.withTest ? datasetSchema : datasetSchema.partial({ test: true });
            expect('data set', kind.name, schema, 'a source whose read gives a data set', data);
            return data;
          },
        };
      },
    })),
    networks: checked('network', networks, functionSchema, '(inputs) => network').map((kind) => ({
      ...kind,
      build(options) {
        const build = kind.build(options);
        return (inputs) => {
          const network = build(inputs);
          expect('network', kind.name, networkSchema, 'a function that returns a network', network);
          return network;
        };
      },
    })),
    methods: methods.map((method) => ({
      ...method,
      build(network, options) {
        const strategy = method.build(network, options);
        expect('method', method.name, strategySchema, 'a strategy', strategy);
        return { ...strategy, updates: checkedUpdates(strategy.updates, whose('method', method.name)) };
      },
    })),
    paths: checked('path', paths, functionSchema, '(parts) => path').map((choice) => ({
      ...choice,
      build(options) {
        const build = choice.build(options);
        return (parts) => {
          const { updates, auxiliary } = build(parts);
          return { auxiliary, updates: checkedUpdates(updates, whose('path', choice.name)) };
        };
      },
    })),
    bridges: checked('bridge', bridges, functionSchema.optional(), '(scope, next) => bridge').map(
      (choice) => ({
        ...choice,
        build(options) {
          const build = choice.build(options);
          if (build === undefined) return undefined;
          return (scope, next) =>
            checkedBridge(build(scope, next), `${placeOf(choice.name)}: bridge "${choice.name}"`);
        },
      }),
    ),
    auxiliaries: checked('auxiliary', auxiliaries, functionSchema, '(scope, site, outputs) => layer').map(
      (choice) => ({
        ...choice,
        build(options) {
          const build = choice.build(options);
          return (scope, site, outputs) => {
            const layer = build(scope, site, outputs);
            expect('auxiliary', choice.name, layerSchema, 'a function that returns a layer', layer);
            return checkedNet(layer, outputs, `${placeOf(choice.name)}: auxiliary "${choice.name}"`);
          };
        },
      }),
    ),
    losses: checked('loss', losses, lossSchema, 'a loss { reconstructs, classifies, attach }').map(
      (choice) => ({
        ...choice,
        build(options) {
          const loss = choice.build(options);
          const { reconstructs, classifies } = loss;
          return {
            ...{ reconstructs, classifies },
            attach: (scope, site, parts) =>
              checkedLoss(
                loss.attach(scope, site, parts),
                site.network.classes,
                `${placeOf(choice.name)}: loss "${choice.name}"`,
              ),
          };
        },
      }),
    ),
    optimizers: checked(
      'optimizer',
      optimizers,
      optimizerSchema,
      'an optimizer { step, state, restore, dispose }',
    ),
  };
}
