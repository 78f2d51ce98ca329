/** What a network takes the images of each class for. */
export interface ByClass {
  /** Images of each class. */
  readonly images: readonly number[];
  /** Of these, how many were taken for that class. */
  readonly correct: readonly number[];
  /** Images by true class (row) and by answer (column); undefined for more than 100 classes, as it grows with their square. */
  readonly counts?: readonly (readonly number[])[];
}

const mostCounted = 100;

/** Counts images by class. */
export interface ByClassTally {
  add(label: number, answer: number): void;
  /** So far, as numbers that add up over ranks. */
  readonly numbers: readonly number[];
}

/** An empty tally. */
export function tallyByClass(classes: number): ByClassTally {
  const isWhole = classes <= mostCounted;
  const numbers = new Array<number>(classes * (isWhole ? classes : 2)).fill(0);
  return {
    numbers,
    add(label, answer) {
      if (isWhole) numbers[label * classes + answer]!++;
      else {
        numbers[label]!++;
        if (answer === label) numbers[classes + label]!++;
      }
    },
  };
}

/** What a tally's numbers, or sums of such, come to. */
export function byClassOf(classes: number, numbers: readonly number[]): ByClass {
  if (classes > mostCounted) return { images: numbers.slice(0, classes), correct: numbers.slice(classes) };
  return countsByClass(
    Array.from({ length: classes }, (_, i) => numbers.slice(i * classes, (i + 1) * classes)),
  );
}

/** Of images by true class (row) and by answer (column). */
export function countsByClass(counts: readonly (readonly number[])[]): ByClass {
  return {
    images: counts.map((row) => row.reduce((sum, count) => sum + count, 0)),
    correct: counts.map((row, i) => row[i]!),
    counts,
  };
}
