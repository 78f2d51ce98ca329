import type { GoldenFile } from './golden-file.js';
import { limitsOf, type Limits } from './limits.js';
import { byGroup, largest, quantitiesOf, relative, type Group, type Quantity } from './quantities.js';
import { rebuildRun, type RunNumbers, type TensorNumbers } from './rebuild.js';

/** What a file is judged by: see `checkParity`. */
export type Rule = 'sharp' | 'strict' | 'rounding';

/** By group of numbers, the largest relative error, and what was not there to compare. */
export interface ParityReport extends Readonly<Record<Group, number>> {
  readonly rule: Rule;
  /** By group, how large a relative error may be. */
  readonly limits: Limits;
  /** Published names of parameters and running statistics that the rebuilt run lacks, or has in another shape. */
  readonly missing: readonly string[];
  /** Published names of those that the file lacks, or that only one of the two runs trains. */
  readonly surplus: readonly string[];
  /** Whether every number is there and within what it is allowed. */
  readonly pass: boolean;
  /**
   * By group, how far rounding of the initial parameters moves the numbers that are beyond the limit: the largest of
   * those spreads. null where all are within it, or the rule allows nothing for rounding.
   */
  readonly rounding: Readonly<Record<Group, number | null>>;
}

/**
 * Runs with perturbed initial values that the spreads are taken from: as many as it takes to explain every number. A
 * ReLU whose input lies so near zero that rounding decides its side may turn in one run of ten.
 */
const perturbedRuns = { least: 4, most: 32 } as const;
/** How many times its spread a number may be off: two runs that round differently are both that far from the truth. */
const allowedSpreads = 3;

/** A number that is beyond its limit. */
interface Beyond {
  readonly quantity: Quantity;
  readonly error: number;
}

/**
 * Rebuilds a published run from its file on the engine in use, and compares every number.
 *
 * A file with the same run in double precision beside it is `sharp`: its numbers must be within their limits, and so
 * must those of another where `strict` is asked for.
 *
 * Else `rounding` is allowed for. Deep networks on small batches amplify it: the same PyTorch program gives other late
 * numbers on another processor, and where a ReLU's input is nearly zero, one of two sets of them. So where a number is
 * beyond its limit, the run is rebuilt with its initial parameters moved by a few float32 roundings, some times over.
 * Each number alone is then allowed three times what that moves it; one that rounding does not move must still meet the
 * limit.
 *
 * Throws a UserError for a file that cannot be rebuilt.
 */
export function checkParity(golden: GoldenFile, { strict = false } = {}): ParityReport {
  const rule = golden.float64 !== undefined ? 'sharp' : strict ? 'strict' : 'rounding';
  const limits = limitsOf(golden);
  const run = rebuildRun(golden);
  const missing = [
    ...missingFrom(run.parameters, golden.parameters),
    ...missingFrom(run.running, golden.running),
  ];
  const surplus = surplusOf(run, golden);
  const quantities = quantitiesOf(golden);
  const compared = quantities.map((quantity): Beyond => ({
    quantity,
    error: relative(quantity, quantity.read(run), quantity.expected),
  }));
  const beyond = compared.filter(({ quantity, error }) => !(error <= limits[quantity.group]));
  // Rounding explains no number that is missing or comes before the first update.
  const explainable =
    rule === 'rounding' &&
    missing.length === 0 &&
    beyond.every(({ quantity, error }) => Number.isFinite(error) && !quantity.first);
  const spreads = explainable ? roundingSpreads(golden, run, beyond) : beyond.map(() => 0);
  return {
    rule,
    ...byGroup((group) =>
      largest(compared.filter(({ quantity }) => quantity.group === group).map(({ error }) => error)),
    ),
    limits,
    missing,
    surplus,
    pass: missing.length === 0 && surplus.length === 0 && isExplained(beyond, spreads),
    rounding: byGroup((group) => {
      const own = spreads.filter((_, i) => beyond[i]!.quantity.group === group);
      return own.length === 0 || rule !== 'rounding' ? null : largest(own);
    }),
  };
}

/** By number, the farthest that roundings of the initial values move it from the run, relative. */
function roundingSpreads(golden: GoldenFile, run: RunNumbers, beyond: readonly Beyond[]): number[] {
  const spreads = beyond.map(() => 0);
  for (let count = 1; beyond.length > 0 && count <= perturbedRuns.most; count++) {
    const other = rebuildRun(golden, count);
    beyond.forEach(({ quantity }, i) => {
      spreads[i] = Math.max(spreads[i]!, relative(quantity, quantity.read(other), quantity.read(run)));
    });
    if (count >= perturbedRuns.least && isExplained(beyond, spreads)) break;
  }
  return spreads;
}

const isExplained = (beyond: readonly Beyond[], spreads: readonly number[]): boolean =>
  beyond.every(({ error }, i) => error <= allowedSpreads * spreads[i]!);

function missingFrom(
  found: ReadonlyMap<string, TensorNumbers>,
  expected: Readonly<Record<string, { readonly shape?: readonly number[]; readonly l2: number }>>,
): string[] {
  return Object.entries(expected).flatMap(([name, { shape }]) => {
    const tensor = found.get(name);
    if (tensor === undefined) return [name];
    const same = shape === undefined || tensor.shape.join() === shape.join();
    return same ? [] : [`${name} of shape [${shape.join(', ')}], not [${tensor.shape.join(', ')}]`];
  });
}

/** What the file lacks of the run, and what only one of them trains. Momentum nets need not be in the file. */
function surplusOf(run: RunNumbers, golden: GoldenFile): string[] {
  const unknown = [
    ...[...run.trained].filter((name) => golden.parameters[name] === undefined),
    ...[...run.running.keys()].filter((name) => golden.running[name] === undefined),
  ];
  const differing = Object.entries(golden.parameters).flatMap(([name, { trained }]) => {
    const ours = run.trained.has(name);
    if (trained === undefined || trained === ours || !run.parameters.has(name)) return [];
    return [`${name}, which is ${ours ? '' : 'not '}trained here`];
  });
  return [...unknown, ...differing];
}
