import type { Dataset } from '../../src/data/dataset.js';
import { datasetFromArrays } from '../../src/data/from-arrays.js';

export const edgeClasses = ['left', 'right', 'top', 'bottom'] as const;
export const edgesShape = [12, 12, 1] as const;

/** A few squares with one bright edge, which a network learns at once. */
export function edges(): Dataset {
  return datasetFromArrays({
    ...{ name: 'edges', classes: edgeClasses, imageShape: edgesShape, mean: [0.1], std: [0.3] },
    ...{ train: squares(64), test: squares(32) },
  });
}

function squares(count: number) {
  const [side] = edgesShape;
  const labels = Uint16Array.from({ length: count }, (_, i) => i % edgeClasses.length);
  const images = new Uint8Array(count * side * side);
  labels.forEach((label, n) => {
    for (let k = 0; k < side; k++) {
      const [row, column] = (
        [
          [k, 0],
          [k, side - 1],
          [0, k],
          [side - 1, k],
        ] as const
      )[label]!;
      images[n * side * side + row * side + column] = 255 - (n % 50);
    }
  });
  return { images, labels };
}
