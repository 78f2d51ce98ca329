/** Gradients of a function of plain numbers by central differences, in double precision. */
export function numericGradient(
  f: (values: readonly number[]) => number,
  values: readonly number[],
  step = 1e-5,
): number[] {
  return values.map((value, i) => {
    const at = (x: number): number => f(values.map((other, j) => (j === i ? x : other)));
    return (at(value + step) - at(value - step)) / (2 * step);
  });
}

/** The largest difference, relative to the largest expected value. */
export function largestError(found: ArrayLike<number>, expected: readonly number[]): number {
  if (found.length !== expected.length) return Infinity;
  const scale = Math.max(...expected.map(Math.abs), 1e-12);
  return Math.max(...expected.map((value, i) => Math.abs(found[i]! - value))) / scale;
}

/** Rows of a row-major matrix. */
export function rowsOf(values: readonly number[], columns: number): number[][] {
  return Array.from({ length: values.length / columns }, (_, i) =>
    values.slice(i * columns, (i + 1) * columns),
  );
}

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
export const mean = (values: readonly number[]): number => sum(values) / values.length;
export const dot = (a: readonly number[], b: readonly number[]): number =>
  sum(a.map((value, i) => value * b[i]!));
