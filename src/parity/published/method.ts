import { z } from 'zod';
import { UserError } from '../../core/errors.js';
import { check, formatPath } from '../../core/schema-problems.js';
import type { StrategyOptionsInput } from '../../local/options.js';
import type { Network } from '../../networks/network.js';
import type { GoldenFile } from '../golden-file.js';
import type { PublishedNames } from './names.js';

/** Settings that every method's file may have. */
const commonSettings = {
  dataset: z.enum(['cifar10', 'cifar100', 'svhn', 'stl10', 'imagenet']).exactOptional(),
  image_size: z.int().positive().exactOptional(),
  /** What the file says elsewhere. */
  batch_size: z.int().exactOptional(),
  class_num: z.int().exactOptional(),
};

type CommonSettings = z.output<z.ZodObject<typeof commonSettings>>;

interface Definition<Shape extends z.ZodRawShape> {
  /** The file's `method`. */
  readonly name: string;
  /** The settings that its code reads, by their names there, and those that it takes and does not use. */
  readonly settings: Shape;
  /** The same run in this project's options; K is 2 or more. */
  readonly translate: (
    settings: z.output<z.ZodObject<Shape>>,
    golden: GoldenFile,
    network: Network,
  ) => StrategyOptionsInput;
  /** Its code's names of parameters. */
  readonly names: PublishedNames;
  /** One step's values of its code's backward calls, from our updates' losses. Absent: they are the same. */
  readonly backwardCalls?: (losses: readonly number[], network: Network) => readonly number[];
}

/** A method as its published code runs it. */
export interface PublishedMethod extends Pick<Definition<z.ZodRawShape>, 'name' | 'names' | 'backwardCalls'> {
  /** Throws a UserError for a setting that is missing, unknown or of another type. */
  readonly settingsOf: (golden: GoldenFile) => CommonSettings;
  /** Throws a UserError likewise. */
  readonly optionsOf: (golden: GoldenFile, network: Network) => StrategyOptionsInput;
}

/** A published method from its definition. */
export function publishedMethod<const Shape extends z.ZodRawShape>({
  settings,
  translate,
  ...method
}: Definition<Shape>): PublishedMethod {
  const schema = z.strictObject({ ...commonSettings, ...settings }) as unknown as z.ZodType<
    CommonSettings & z.output<z.ZodObject<Shape>>
  >;
  const settingsOf = (golden: GoldenFile) => {
    const result = check(schema, golden.options);
    if ('problems' in result) {
      const { path, message } = result.problems[0]!;
      throw new UserError(`options.${formatPath(path)}: ${message}`);
    }
    const settings = result.value;
    requireSame('batch_size', settings.batch_size, 'batch', golden.batch);
    requireSame('class_num', settings.class_num, 'the number of logits', golden.eval_logits[0]!.length);
    return settings;
  };
  return {
    ...method,
    settingsOf,
    optionsOf: (golden, network) => translate(settingsOf(golden), golden, network),
  };
}

function requireSame(name: string, setting: number | undefined, what: string, said: number): void {
  if (setting === undefined || setting === said) return;
  throw new UserError(`options.${name}: is ${setting}, but ${what} is ${said}`);
}
