/** Round values from 0 to at least `most`, about `count` steps apart from each other: 0, 50, 100, …. */
export function ticksTo(most: number, count: number): number[] {
  const rough = (most > 0 ? most : 1) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((multiple) => multiple * power >= rough * (1 - 1e-9))!;
  const last = Math.ceil((most > 0 ? most : 1) / step - 1e-9);
  return Array.from({ length: last + 1 }, (_, i) => Number((i * step).toPrecision(12)));
}
