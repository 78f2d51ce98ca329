import type { GoldenFile } from './golden-file.js';
import { byGroup, largest, relative, type Group } from './quantities.js';

export type Limits = Readonly<Record<Group, number>>;

/** How far a number may be off, relative, in a file that has no double precision beside it. */
const tolerance: Limits = { loss: 1e-3, logits: 1e-3, parameters: 1e-4, running: 1e-4 };

/** Never less than this of a sharp file: what the last digits of float32 come to in such a run. */
const leastOfSharp: Limits = { loss: 1e-6, logits: 1e-5, parameters: 2e-6, running: 2e-6 };

/**
 * What a file's numbers may be off, relative: of a sharp file ten times what the published program in float32 is off
 * double precision. That is how one run rounds; on other kernels PyTorch itself is up to 13 times as far off
 * (experiments/parity/README.md).
 */
export function limitsOf(golden: GoldenFile): Limits {
  const { float64 } = golden;
  if (float64 === undefined) return tolerance;
  const distance = float64.distance ?? ownDistance(golden, float64);
  return byGroup((group) => Math.max(leastOfSharp[group], 10 * distance[group]));
}

/**
 * How far a file that does not say it is off double precision. Parameters and running statistics, of which double
 * precision has none then, are as far off as the losses that they come from.
 */
function ownDistance(
  golden: GoldenFile,
  { loss_trace: trace, eval_logits: logits }: NonNullable<GoldenFile['float64']>,
): Readonly<Record<Group, number>> {
  const scale = largest(logits.flat().map(Math.abs));
  const loss = largest(
    trace.flatMap((losses, step) =>
      losses.map((value, i) => relative({ scale: Math.abs(value) }, golden.loss_trace[step]![i]!, value)),
    ),
  );
  const ofImages = logits.flatMap((row, image) =>
    row.map((logit, i) => relative({ scale }, golden.eval_logits[image]![i]!, logit)),
  );
  return { loss, logits: largest(ofImages), parameters: loss, running: loss };
}
