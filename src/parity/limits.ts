import type { GoldenFile } from './golden-file.js';
import { byGroup, largest, relative, type Group } from './quantities.js';

export type Limits = Readonly<Record<Group, number>>;

/** How far a number may be off, relative, in a file that has no double precision beside it. */
export const tolerance: Limits = { loss: 1e-3, logits: 1e-3, parameters: 1e-4, running: 1e-4 };

/** Never less than this of a sharp file: what the last digits of float32 come to in such a run. */
const leastOfSharp: Limits = { loss: 1e-6, logits: 1e-5, parameters: 2e-6, running: 2e-6 };

/**
 * What a file's numbers may be off, relative: of a sharp file ten times what the published program in float32 is off
 * double precision, or four times what the file itself is where it doesn't say (up to 3.2 times have been seen: on one thread
 * of a processor with AVX2 alone). Parameters and running statistics, of which double precision has none then, are as far
 * off as the losses that they come from.
 */
export function limitsOf(golden: GoldenFile): Limits {
  const { float64 } = golden;
  if (float64 === undefined) return tolerance;
  const { distance } = float64;
  const own = distance === undefined ? ownDistance(golden, float64) : undefined;
  return byGroup((group) =>
    Math.max(leastOfSharp[group], own === undefined ? 10 * distance![group] : 4 * (own[group] ?? own.loss)),
  );
}

/** How far the file is off double precision, in what both have. */
function ownDistance(
  golden: GoldenFile,
  { loss_trace: trace, eval_logits: logits }: NonNullable<GoldenFile['float64']>,
): Partial<Record<Group, number>> & { readonly loss: number } {
  const scale = largest(logits.flat().map(Math.abs));
  return {
    loss: largest(
      trace.flatMap((losses, step) =>
        losses.map((loss, i) => relative({ scale: Math.abs(loss) }, golden.loss_trace[step]![i]!, loss)),
      ),
    ),
    logits: largest(
      logits.flatMap((row, image) =>
        row.map((logit, i) => relative({ scale }, golden.eval_logits[image]![i]!, logit)),
      ),
    ),
  };
}
