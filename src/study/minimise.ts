import { setImmediate } from 'node:timers/promises';

export interface Objective {
  readonly value: number;
  readonly gradient: Float64Array;
}

export interface MinimiseOptions {
  /** Ends where no partial derivative is larger. */
  readonly tolerance: number;
  readonly maxIterations: number;
}

/** Pairs of steps and changes of the gradient that the curvature is judged by. */
const memory = 10;
const armijo = 1e-4;
const mostHalvings = 20;

/**
 * The minimum of a smooth convex function by L-BFGS (Nocedal & Wright 2006, algorithm 7.5) with step halving. It also
 * ends where no step along the direction lowers the value any more, as rounding of the function makes happen close to
 * the minimum. Lets other work in after each iteration.
 */
export async function minimise(
  f: (x: Float64Array) => Objective,
  start: Float64Array,
  { tolerance, maxIterations }: MinimiseOptions,
): Promise<Float64Array> {
  let x = start;
  let { value, gradient } = f(x);
  const pairs: Pair[] = [];
  for (let iteration = 0; iteration < maxIterations && largest(gradient) > tolerance; iteration++) {
    const direction = descent(gradient, pairs);
    const slope = dot(gradient, direction);
    // The first direction is the gradient itself, of no scale in particular.
    let step = pairs.length > 0 ? 1 : Math.min(1, 1 / Math.sqrt(-slope));
    let next: { readonly x: Float64Array; readonly at: Objective } | undefined;
    for (let halving = 0; halving < mostHalvings && next === undefined; halving++, step /= 2) {
      const size = step;
      const candidate = x.map((value, i) => value + size * direction[i]!);
      const at = f(candidate);
      if (at.value <= value + armijo * size * slope) next = { x: candidate, at };
    }
    if (next === undefined) break;
    const moved = difference(next.x, x);
    const turned = difference(next.at.gradient, gradient);
    const curvature = dot(moved, turned);
    if (curvature > 0) pairs.push({ moved, turned, curvature });
    if (pairs.length > memory) pairs.shift();
    x = next.x;
    ({ value, gradient } = next.at);
    await setImmediate();
  }
  return x;
}

interface Pair {
  readonly moved: Float64Array;
  readonly turned: Float64Array;
  /** moved · turned. */
  readonly curvature: number;
}

/** −H · gradient, H the inverse of the curvature that the pairs show (algorithm 7.4). */
function descent(gradient: Float64Array, pairs: readonly Pair[]): Float64Array {
  const direction = gradient.map((value) => -value);
  const shares: number[] = [];
  for (const { moved, turned, curvature } of pairs.toReversed()) {
    const share = dot(moved, direction) / curvature;
    shares.push(share);
    add(direction, -share, turned);
  }
  const last = pairs.at(-1);
  if (last !== undefined) {
    const scale = last.curvature / dot(last.turned, last.turned);
    direction.forEach((value, i) => (direction[i] = value * scale));
  }
  for (const { moved, turned, curvature } of pairs) {
    add(direction, shares.pop()! - dot(turned, direction) / curvature, moved);
  }
  return direction;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function add(a: Float64Array, factor: number, b: Float64Array): void {
  for (let i = 0; i < a.length; i++) a[i]! += factor * b[i]!;
}

function difference(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value - b[i]!);
}

function largest(values: Float64Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}
