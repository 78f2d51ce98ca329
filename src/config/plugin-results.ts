import { z } from 'zod';
import type { Choice } from '../core/choice.js';
import { definedAt } from '../core/defined-at.js';
import { UserError } from '../core/errors.js';
import { functionSchema } from '../core/given.js';
import { check, formatPath } from '../core/schema-problems.js';
import { calling } from '../core/their-code.js';
import { visible } from '../core/visible.js';
import { datasetSchema, splitSchema } from '../data/forms.js';
import { checkedUpdates } from '../local/checked-updates.js';
import { withUpdates } from '../local/strategy.js';
import { lossSchema, strategySchema } from '../local/forms.js';
import { networkSchema } from '../networks/forms.js';
import { layerSchema } from '../nn/forms.js';
import { optimizerSchema } from '../train/check-training.js';
import {
  attachedSchema,
  bridgeSchema,
  keptSchema,
  loggerSchema,
  pathSchema,
  sourceSchema,
  tallySchema,
} from './plugin-forms.js';
import { checkedBridge, checkedLoss, checkedNet, checkedNetwork } from './plugin-tensors.js';
import type { Plugin } from './plugin.js';
import type { RunLogger } from './run-logger.js';

/** A network that methods can train. */
const trainableSchema = networkSchema.safeExtend({ units: networkSchema.shape.units.min(1) });

function expect(whose: string, schema: z.ZodType, expected: string, value: unknown, what = 'build'): void {
  const result = check(schema, value);
  if ('value' in result) return;
  const { path, message } = result.problems[0]!;
  const place = [formatPath(path), message].filter((part) => part !== '').join(': ');
  throw new UserError(visible(`${whose}: ${what} must return ${expected} (${place})`));
}

/**
 * The plugin with a check of whatever its methods and choices build, so that a mistake that no type checker has seen
 * is told by file and line and not where it does its harm. They throw a UserError then.
 *
 * @param file of the plugin, for what nobody remembers the place of
 */
export function checkedPlugin(plugin: Plugin, file: string): Plugin {
  const { datasets = [], networks = [], methods = [] } = plugin;
  const { paths = [], bridges = [], auxiliaries = [], losses = [], optimizers = [], loggers = [] } = plugin;
  const { schedules = [], metrics = [] } = plugin;
  const whoseOf = (kind: string, definition: { readonly name: string }): string =>
    `${definedAt(definition) ?? file}: ${kind} "${definition.name}"`;
  const checked = <Part>(
    kind: string,
    choices: readonly Choice<Part>[],
    [schema, expected]: readonly [schema: z.ZodType, expected: string],
    held: (part: Part, whose: string) => Part,
  ): Choice<Part>[] =>
    choices.map((choice) => {
      const whose = whoseOf(kind, choice);
      return {
        ...choice,
        build(options) {
          const part = calling(whose, () => choice.build(options));
          expect(whose, schema, expected, part);
          return held(part, whose);
        },
      };
    });
  return {
    loggers: loggers.map((logger) => {
      const whose = whoseOf('logger', logger);
      return {
        ...logger,
        start(run) {
          const right = (started: RunLogger): RunLogger => {
            expect(whose, loggerSchema, 'a logger { epoch, end }', started, 'start');
            return started;
          };
          const started = logger.start(run);
          return started instanceof Promise ? started.then(right) : right(started);
        },
      };
    }),
    metrics: metrics.map((metric) => {
      const whose = whoseOf('metric', metric);
      return {
        ...metric,
        start(classes) {
          const tally = calling(whose, () => metric.start(classes));
          expect(whose, tallySchema, 'a tally { add, total }', tally, 'start');
          return {
            add: (logits, label) => calling(whose, () => tally.add(logits, label)),
            total() {
              const total = calling(whose, () => tally.total());
              expect(whose, z.number(), 'a finite number', total, 'total');
              return total;
            },
          };
        },
      };
    }),
    schedules: checked(
      'schedule',
      schedules,
      [functionSchema, '(moment, epochs) => share'],
      (shareAt, whose) => (moment, epochs) => {
        const share = calling(whose, () => shareAt(moment, epochs));
        expect(whose, z.number().min(0), 'a function that gives a share of the learning rate', share);
        return share;
      },
    ),
    datasets: checked('data set', datasets, [sourceSchema, 'a source { read, … }'], (source, whose) => ({
      // Field by field: it may be an instance of a class.
      async read(request) {
        const data = await calling(whose, () => source.read(request));
        const expected = 'a source whose read gives a data set';
        expect(whose, datasetSchema, expected, data);
        if (request.withTest) expect(whose, z.object({ test: splitSchema }), expected, data);
        return data;
      },
      ...(source.describe && { describe: () => calling(whose, () => source.describe!()) }),
      ...(source.isPresent && { isPresent: () => calling(whose, () => source.isPresent!()) }),
      ...(source.counts && { counts: () => calling(whose, () => source.counts!()) }),
      ...(source.files && { files: source.files }),
    })),
    networks: checked(
      'network',
      networks,
      [functionSchema, '(inputs) => network'],
      (build, whose) => (inputs) => {
        const network = calling(whose, () => build(inputs));
        expect(whose, trainableSchema, 'a function that returns a network', network);
        return checkedNetwork(network, whose);
      },
    ),
    methods: methods.map((method) => {
      const whose = whoseOf('method', method);
      return {
        ...method,
        build(network, options) {
          const strategy = calling(whose, () => method.build(network, options));
          expect(whose, strategySchema, 'a strategy', strategy);
          return withUpdates(strategy, checkedUpdates(strategy.updates, `${whose}: `));
        },
      };
    }),
    paths: checked('path', paths, [functionSchema, '(parts) => path'], (build, whose) => (parts) => {
      const path = calling(whose, () => build(parts));
      expect(whose, pathSchema, 'a function that returns a path { updates, auxiliary }', path);
      return { auxiliary: path.auxiliary, updates: checkedUpdates(path.updates, `${whose}: `) };
    }),
    bridges: checked(
      'bridge',
      bridges,
      [functionSchema.optional(), '(scope, next) => bridge'],
      (build, whose) =>
        build &&
        ((scope, next) => {
          const bridge = calling(whose, () => build(scope, next));
          expect(whose, bridgeSchema, 'a function that returns a bridge', bridge);
          return checkedBridge(bridge, next, whose);
        }),
    ),
    auxiliaries: checked(
      'auxiliary',
      auxiliaries,
      [functionSchema, '(scope, site, outputs) => layer'],
      (build, whose) => (scope, site, outputs) => {
        const layer = calling(whose, () => build(scope, site, outputs));
        expect(whose, layerSchema, 'a function that returns a layer', layer);
        return checkedNet(layer, outputs, whose);
      },
    ),
    losses: checked(
      'loss',
      losses,
      [lossSchema, 'a loss { reconstructs, classifies, attach }'],
      (loss, whose) => {
        const { reconstructs, classifies } = loss;
        return {
          ...{ reconstructs, classifies },
          attach(scope, site, parts) {
            const attached = calling(whose, () => loss.attach(scope, site, parts));
            expect(whose, attachedSchema, 'what it makes of features { layers, loss }', attached, 'attach');
            return checkedLoss(attached, site.network.classes, whose);
          },
        };
      },
    ),
    optimizers: checked(
      'optimizer',
      optimizers,
      [optimizerSchema, 'an optimizer { step, state, restore, dispose }'],
      (optimizer, whose) => ({
        step: (...given) => calling(whose, () => optimizer.step(...given)),
        state() {
          const kept = calling(whose, () => optimizer.state());
          expect(
            whose,
            keptSchema,
            'a Map with tensors { shape, values } by name of each variable',
            kept,
            'state',
          );
          return kept;
        },
        restore: (state) => calling(whose, () => optimizer.restore(state)),
        dispose: () => calling(whose, () => optimizer.dispose()),
      }),
    ),
  };
}
