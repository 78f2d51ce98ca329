/** The points that no other is at least as good as in both and better in one, from the least memory to the most. */
export function frontierOf<T extends { readonly x: number; readonly y: number }>(points: readonly T[]): T[] {
  const isBeaten = ({ x, y }: T): boolean =>
    points.some((other) => other.x <= x && other.y <= y && (other.x < x || other.y < y));
  return points.filter((point) => !isBeaten(point)).sort((a, b) => a.x - b.x);
}
