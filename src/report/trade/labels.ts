/** A rectangle, in pixels. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** A point and the size of the text that names it. */
export interface Named {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Half the side of a point's mark, with air around it. */
const mark = 7;
/** From a point to the middle of its text's near side; from the second on a line leads there. */
const distances = [9, 20, 34, 50, 68] as const;
/** To the right, left, above, below, and between. */
const directions = [0, 180, 270, 90, 315, 45, 225, 135, 337, 22, 202, 157].map(
  (degrees) => (degrees * Math.PI) / 180,
);

const around = ({ x, y }: Named): Box => ({
  left: x - mark,
  top: y - mark,
  right: x + mark,
  bottom: y + mark,
});

const overlap = (a: Box, b: Box): boolean =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

/**
 * Places texts beside their points so that none covers another, a point, or what else is drawn.
 *
 * @param inside where they must stay
 * @param drawn what they may not cover, but where there is no room without
 * @returns a box for each; undefined where there is no room, so that the legend alone names the point
 */
export function placeLabels(
  points: readonly Named[],
  inside: Box,
  drawn: readonly Box[] = [],
): (Box | undefined)[] {
  const taken = points.map(around);
  return points.map((point) => {
    const free = candidates(point).filter(
      (box) =>
        box.left >= inside.left &&
        box.right <= inside.right &&
        box.top >= inside.top &&
        box.bottom <= inside.bottom &&
        !taken.some((other) => overlap(box, other)),
    );
    const chosen = free.find((box) => !drawn.some((other) => overlap(box, other))) ?? free[0];
    if (chosen !== undefined) taken.push(chosen);
    return chosen;
  });
}

function candidates({ x, y, width, height }: Named): Box[] {
  return distances.flatMap((distance) =>
    directions.map((angle) => {
      const [across, down] = [Math.cos(angle), Math.sin(angle)];
      const middle = {
        x: x + across * distance + (Math.abs(across) < 0.1 ? 0 : (Math.sign(across) * width) / 2),
        y: y + down * distance + (Math.abs(down) < 0.1 ? 0 : (Math.sign(down) * height) / 2),
      };
      return {
        ...{ left: middle.x - width / 2, right: middle.x + width / 2 },
        ...{ top: middle.y - height / 2, bottom: middle.y + height / 2 },
      };
    }),
  );
}

/** Where a line from the point meets the text's box, where they are so far apart that one is needed. */
export function leaderTo({ x, y }: Named, box: Box): { readonly x: number; readonly y: number } | undefined {
  const nearest = {
    x: Math.min(Math.max(x, box.left), box.right),
    y: Math.min(Math.max(y, box.top), box.bottom),
  };
  return Math.hypot(nearest.x - x, nearest.y - y) > distances[0] + 4 ? nearest : undefined;
}
