import { comparedMethods, configDocument, type Config, type LoadedConfig } from '../config/config.js';
import { leaves } from '../config/differences.js';
import { labelOf } from '../config/method-config.js';
import { overrideValue, parseOverride } from '../config/overrides.js';
import { messageOf, UserError } from '../core/errors.js';
import { openExperiment, type Experiment } from './experiment.js';
import { checkFit } from './method-strategy.js';
import { overridesOf, pointFolder, type SweepPoint } from './sweep-points.js';

/** A combination of values, as tables and folders have them, and the config that it makes. */
export interface SweepConfig extends LoadedConfig {
  readonly point: SweepPoint;
}

/** How the combinations are loaded, and who is told of it. */
export interface LoadOptions {
  /** Reads the config with these overrides, `a.b=value` each. */
  readonly load: (overrides: readonly string[]) => Promise<LoadedConfig>;
  /** Told of an experiment that was opened, each data set once. */
  readonly onOpen?: (experiment: Experiment) => void;
  /** Ends the work between two combinations. */
  readonly signal?: AbortSignal;
}

/** Combinations that fit. */
export interface LoadedSweep {
  readonly configs: readonly SweepConfig[];
  /** The last one's, to be gone on with. */
  readonly opened: Experiment | undefined;
}

/**
 * Loads every combination and checks it before any is trained: config, data, and that each method fits both, for which
 * no values are drawn. What only measuring can tell (`cuts: balanced`, `recompute: auto`) is left to its turn.
 *
 * @throws UserError with all that is wrong, a line for each thing, and which combinations it is of
 */
export async function loadSweep(points: readonly SweepPoint[], options: LoadOptions): Promise<LoadedSweep> {
  const problems = new Map<string, SweepPoint[]>();
  const configs = new Map<string, SweepConfig>();
  let opened: Experiment | undefined;
  for (const point of points) {
    if (options.signal?.aborted) break;
    const note = (error: unknown, whose = ''): void => {
      if (!(error instanceof UserError)) throw error;
      for (const line of messageOf(error).split('\n'))
        problems.set(whose + line, [...new Set([...(problems.get(whose + line) ?? []), point])]);
    };
    try {
      const loaded = await options.load(overridesOf(point));
      const config: SweepConfig = { ...loaded, point: plainPoint(point, loaded.config) };
      const folder = pointFolder(config.point);
      if (configs.has(folder)) throw new UserError('is there twice, written in two ways');
      configs.set(folder, config);
      const experiment = await openPoint(config, opened);
      if (experiment.dataset !== opened?.dataset) options.onOpen?.(experiment);
      opened = experiment;
      const methods = comparedMethods(config.config);
      for (const method of methods) {
        try {
          checkFit(experiment, method);
        } catch (error) {
          note(error, methods.length > 1 ? `${labelOf(method)}: ` : '');
        }
      }
    } catch (error) {
      note(error);
    }
  }
  if (problems.size === 0) return { configs: [...configs.values()], opened };
  throw new UserError([...problems].map(([line, of]) => problemOf(line, of, points.length)).join('\n'));
}

/** The experiment of a combination: on the data of one that is open, where both have the same. */
export async function openPoint(
  { config, registry }: SweepConfig,
  opened: Experiment | undefined,
): Promise<Experiment> {
  const source = ({ data, seed, engine }: Config): string => JSON.stringify([data, seed, engine]);
  if (opened === undefined || source(opened.config) !== source(config))
    return openExperiment(config, registry);
  return { ...opened, config, registry };
}

/** A problem of all combinations is none of theirs. */
function problemOf(line: string, of: readonly SweepPoint[], all: number): string {
  if (of.length === all) return line;
  const first = overridesOf(of[0]!).join(', ');
  const more = of.length === 1 ? '' : ` and ${of.length - 1} more`;
  return `${first}${more}: ${line}`;
}

/** Values as they are told: text as it is, all else the same however it was written, `0.1` of `1e-1`. */
export function plainPoint(point: SweepPoint, config: Config): SweepPoint {
  const found = leaves(configDocument(config));
  return Object.fromEntries(
    Object.entries(point).map(([key, written]) => {
      const isText = found.get(key)?.startsWith('"') === true;
      const value = overrideValue(parseOverride(`${key}=${written}`), isText ? 'text' : undefined);
      return [key, typeof value === 'string' ? value : JSON.stringify(value)];
    }),
  );
}
