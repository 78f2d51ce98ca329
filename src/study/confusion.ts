/** How a network's answers lie beside the true classes, over the images that it was asked for. */
export interface Confusion {
  /** Images by true class (row) and by answer (column). */
  readonly counts: readonly (readonly number[])[];
  readonly images: number;
  /** 0…1. */
  readonly accuracy: number;
  /** Share of the images whose class is among the five likeliest, 0…1; undefined with fewer than six classes. */
  readonly top5: number | undefined;
  /** Mean cross-entropy. */
  readonly loss: number;
}

/** Collects it image by image. */
export interface ConfusionTally {
  /**
   * @param label the true class
   * @param logits of one image, `[classes]`
   */
  add(label: number, logits: Float32Array): void;
  /** Of what was added; the rates of no images are NaN. */
  total(): Confusion;
}

/** An empty tally. */
export function tallyConfusion(classes: number): ConfusionTally {
  const counts = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  let [images, correct, amongFive, loss] = [0, 0, 0, 0];
  return {
    add(label, logits) {
      const five = likeliest(logits, 5);
      const answer = five[0]!;
      counts[label]![answer]!++;
      images++;
      if (answer === label) correct++;
      if (five.includes(label)) amongFive++;
      loss -= Math.log(softmax(logits)[label]!);
    },
    total: () => ({
      counts,
      images,
      accuracy: correct / images,
      top5: classes > 5 ? amongFive / images : undefined,
      loss: loss / images,
    }),
  };
}

/** Of a true class, the share of its images that were taken for it (recall); undefined where it has none. */
export function classAccuracy({ counts }: Pick<Confusion, 'counts'>, label: number): number | undefined {
  const row = counts[label]!;
  const images = row.reduce((sum, count) => sum + count, 0);
  return images === 0 ? undefined : row[label]! / images;
}

/** The classes of the greatest logits, the greatest first; of equal ones the lower class is first, as in argmax. */
export function likeliest(logits: Float32Array, count: number): number[] {
  return [...logits.keys()].sort((a, b) => logits[b]! - logits[a]! || a - b).slice(0, count);
}

/** Probabilities, in double precision. */
export function softmax(logits: Float32Array): number[] {
  const greatest = logits.reduce((max, value) => Math.max(max, value), -Infinity);
  const powers = Array.from(logits, (value) => Math.exp(value - greatest));
  const sum = powers.reduce((total, value) => total + value, 0);
  return powers.map((value) => value / sum);
}
