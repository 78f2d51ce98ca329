import type { GoldenFile } from './golden-file.js';
import { rebuildRun, type RunNumbers, type TensorSize } from './rebuild.js';

const groups = ['loss', 'logits', 'parameters', 'running'] as const;
type Group = (typeof groups)[number];

/** By group of numbers, the largest relative error, and what was not there to compare. */
export interface ParityReport extends Readonly<Record<Group, number>> {
  /** Published names of parameters and running statistics that the rebuilt run lacks, or has in another shape. */
  readonly missing: readonly string[];
  /** Whether every number is there and within what it is allowed. */
  readonly pass: boolean;
  /**
   * By group, how far one rounding of the initial parameters moves the numbers that are beyond the tolerance: the
   * largest of those spreads. null where all are within it.
   */
  readonly rounding: Readonly<Record<Group, number | null>>;
}

/** The published tolerance, relative. */
const tolerance: Readonly<Record<Group, number>> = {
  loss: 1e-3,
  logits: 1e-3,
  parameters: 1e-4,
  running: 1e-4,
};

/** Runs with perturbed initial values that the spread is taken from. */
const perturbedRuns = 6;
/** How many times its spread a number may be off: two runs that round differently are both that far from the truth. */
const spreads = 3;

/** One number of the published run. */
interface Quantity {
  readonly group: Group;
  readonly expected: number;
  /** What its error is relative to. */
  readonly scale: number;
  readonly read: (numbers: RunNumbers) => number;
}

/**
 * Rebuilds a published run from its file on the engine in use, and compares every number.
 *
 * Deep networks on small batches amplify rounding: the same PyTorch program gives other late numbers on another
 * processor. So where a number is beyond the tolerance, the run is rebuilt a few times with each initial parameter
 * moved by about one float32 rounding. Each number alone is then allowed three times what that moves it; one that
 * rounding does not move must still meet the tolerance.
 *
 * Throws a UserError for a file that cannot be rebuilt.
 */
export function checkParity(golden: GoldenFile): ParityReport {
  const run = rebuildRun(golden);
  const missing = [
    ...missingFrom(run.parameters, golden.parameters),
    ...missingFrom(run.running, golden.running),
  ];
  const quantities = quantitiesOf(golden);
  const errors = quantities.map((quantity) => relative(quantity, quantity.read(run), quantity.expected));
  const beyond = quantities
    .map((quantity, i) => ({ quantity, error: errors[i]! }))
    .filter(({ quantity, error }) => !(error <= tolerance[quantity.group]));
  // Rounding explains no number that is missing.
  const explainable = beyond.length > 0 && missing.length === 0 && errors.every(Number.isFinite);
  const spread = explainable ? roundingSpread(golden, run) : () => 0;
  const largest = (group: Group, of: readonly { quantity: Quantity; value: number }[]): number =>
    of.reduce((most, { quantity, value }) => (quantity.group === group ? Math.max(most, value) : most), 0);
  const all = quantities.map((quantity, i) => ({ quantity, value: errors[i]! }));
  const spreadsBeyond = beyond.map(({ quantity }) => ({ quantity, value: spread(quantity) }));
  return {
    ...byGroup((group) => largest(group, all)),
    missing,
    pass: missing.length === 0 && beyond.every(({ quantity, error }) => error <= spreads * spread(quantity)),
    rounding: byGroup((group) =>
      beyond.some(({ quantity }) => quantity.group === group) ? largest(group, spreadsBeyond) : null,
    ),
  };
}

function byGroup<T>(f: (group: Group) => T): Record<Group, T> {
  return { loss: f('loss'), logits: f('logits'), parameters: f('parameters'), running: f('running') };
}

function quantitiesOf(golden: GoldenFile): Quantity[] {
  const losses = golden.loss_trace.flatMap((trace, step) =>
    trace.map((expected, i): Quantity => {
      const read = ({ losses }: RunNumbers): number =>
        losses[step]!.length === trace.length ? losses[step]![i]! : NaN;
      return { group: 'loss', expected, scale: Math.abs(expected), read };
    }),
  );
  const logits = golden.eval_logits.flatMap((row, image) => {
    // A logit near zero has no precision of its own.
    const scale = Math.max(...row.map(Math.abs));
    return row.map((expected, i): Quantity => ({
      group: 'logits',
      expected,
      scale,
      read: ({ logits }) => logits[image]![i] ?? NaN,
    }));
  });
  const norms = (group: 'parameters' | 'running'): Quantity[] =>
    Object.entries(golden[group]).map(([name, { l2 }]) => ({
      group,
      expected: l2,
      scale: l2,
      // What is missing is reported as such.
      read: (numbers) => numbers[group].get(name)?.norm ?? l2,
    }));
  return [...losses, ...logits, ...norms('parameters'), ...norms('running')];
}

/** NaN counts as infinitely wrong. */
function relative({ scale }: Quantity, found: number, expected: number): number {
  const error = Math.abs(found - expected) / Math.max(scale, 1e-6);
  return Number.isNaN(error) ? Infinity : error;
}

/** By number, the farthest that a rounding of the initial values moves it from the run, relative. */
function roundingSpread(golden: GoldenFile, run: RunNumbers): (quantity: Quantity) => number {
  const perturbed = Array.from({ length: perturbedRuns }, (_, i) => rebuildRun(golden, i + 1));
  return (quantity) =>
    Math.max(...perturbed.map((other) => relative(quantity, quantity.read(other), quantity.read(run))));
}

function missingFrom(
  found: ReadonlyMap<string, TensorSize>,
  expected: Readonly<Record<string, { readonly shape?: readonly number[]; readonly l2: number }>>,
): string[] {
  return Object.entries(expected).flatMap(([name, { shape }]) => {
    const tensor = found.get(name);
    if (tensor === undefined) return [name];
    const same = shape === undefined || tensor.shape.join() === shape.join();
    return same ? [] : [`${name} of shape [${shape.join(', ')}], not [${tensor.shape.join(', ')}]`];
  });
}
