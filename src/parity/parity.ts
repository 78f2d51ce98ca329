import type { GoldenFile } from './golden-file.js';
import { rebuildRun, type RunNumbers, type TensorSize } from './rebuild.js';

type Group = 'loss' | 'logits' | 'parameters' | 'running';

/** By group of numbers, the largest relative error, and what was not there to compare. */
export interface ParityReport extends Readonly<Record<Group, number>> {
  /** Published names of parameters and running statistics that the rebuilt run lacks, or has in another shape. */
  readonly missing: readonly string[];
  /** Whether every number is there and within what it is allowed. */
  readonly pass: boolean;
  /**
   * By group, how far rounding of the initial parameters moves the numbers that are beyond the tolerance: the largest
   * of those spreads. null where all are within it.
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

/**
 * Runs with perturbed initial values that the spreads are taken from: as many as it takes to explain every number. A
 * ReLU whose input lies so near zero that rounding decides its side may turn in one run of ten.
 */
const perturbedRuns = { least: 4, most: 32 } as const;
/** How many times its spread a number may be off: two runs that round differently are both that far from the truth. */
const allowedSpreads = 3;

/** One number of the published run. */
interface Quantity {
  readonly group: Group;
  readonly expected: number;
  /** Whether it is a loss of the first step, which no update comes before. */
  readonly first: boolean;
  /** What its error is relative to. */
  readonly scale: number;
  readonly read: (numbers: RunNumbers) => number;
}

/** A number that is beyond the tolerance. */
interface Beyond {
  readonly quantity: Quantity;
  readonly error: number;
}

/**
 * Rebuilds a published run from its file on the engine in use, and compares every number.
 *
 * Deep networks on small batches amplify rounding: the same PyTorch program gives other late numbers on another
 * processor, and where a ReLU's input is nearly zero, one of two sets of them. So where a number is beyond the
 * tolerance, the run is rebuilt with its initial parameters moved by a few float32 roundings, some times over. Each
 * number alone is then allowed three times what that moves it; one that rounding does not move must still meet the
 * tolerance.
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
  const compared = quantities.map((quantity): Beyond => ({
    quantity,
    error: relative(quantity, quantity.read(run), quantity.expected),
  }));
  const beyond = compared.filter(({ quantity, error }) => !(error <= tolerance[quantity.group]));
  // Rounding explains no number that is missing or comes before the first update.
  const explainable =
    missing.length === 0 && beyond.every(({ quantity, error }) => Number.isFinite(error) && !quantity.first);
  const spreads = explainable ? roundingSpreads(golden, run, beyond) : beyond.map(() => 0);
  return {
    ...byGroup((group) =>
      largest(compared.filter(({ quantity }) => quantity.group === group).map(({ error }) => error)),
    ),
    missing,
    pass: missing.length === 0 && isExplained(beyond, spreads),
    rounding: byGroup((group) => {
      const own = spreads.filter((_, i) => beyond[i]!.quantity.group === group);
      return own.length === 0 ? null : largest(own);
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

const largest = (values: readonly number[]): number =>
  values.reduce((most, value) => Math.max(most, value), 0);

function byGroup<T>(f: (group: Group) => T): Record<Group, T> {
  return { loss: f('loss'), logits: f('logits'), parameters: f('parameters'), running: f('running') };
}

function quantitiesOf(golden: GoldenFile): Quantity[] {
  const losses = golden.loss_trace.flatMap((trace, step) =>
    trace.map((expected, i): Quantity => {
      const read = ({ losses }: RunNumbers): number =>
        losses[step]!.length === trace.length ? losses[step]![i]! : NaN;
      return { group: 'loss', expected, first: step === 0, scale: Math.abs(expected), read };
    }),
  );
  const logits = golden.eval_logits.flatMap((row, image) => {
    // A logit near zero has no precision of its own.
    const scale = Math.max(...row.map(Math.abs));
    return row.map((expected, i): Quantity => ({
      group: 'logits',
      expected,
      first: false,
      scale,
      read: ({ logits }) => logits[image]![i] ?? NaN,
    }));
  });
  const norms = (group: 'parameters' | 'running'): Quantity[] =>
    Object.entries(golden[group]).map(([name, { l2 }]) => ({
      group,
      expected: l2,
      first: false,
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
