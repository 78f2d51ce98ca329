export function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** The mean of at least one number. */
export function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
}

/** A number over several seeds. */
export interface Spread {
  readonly mean: number;
  /** Sample standard deviation; undefined for one seed. */
  readonly deviation: number | undefined;
}

export function spread(values: readonly number[]): Spread {
  const n = values.length;
  const middle = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  return { mean: middle, deviation: n > 1 ? Math.sqrt(squares / (n - 1)) : undefined };
}
