export const precisions = ['float32', 'bf16'] as const;
/** What feature maps are held and multiplied in; weights, statistics, losses and optimisers have float32 in either. */
export type Precision = (typeof precisions)[number];

let current: Precision = 'float32';

/** That of the computation that is under way. */
export const precisionInForce = (): Precision => current;

/** Runs f in that precision. Nothing but an engine that was found to have it (`refusePrecision`) looks at it. */
export function withPrecision<T>(precision: Precision, f: () => T): T {
  const before = current;
  current = precision;
  try {
    return f();
  } finally {
    current = before;
  }
}
