/**
 * Text from outside as an axis has it. As a literal Vega takes the text `if`, and what every object inherits, such as
 * `constructor`, for the name of something of its own: so it has a letter in front, which is taken off.
 */
export const axisTitle = (text: string) => ({ signal: `slice(${JSON.stringify(`_${text}`)}, 1)` });

/**
 * Names at the places 1, 2, … of an axis, as many as have room in so many pixels; below a plot they stand upright, but
 * for short ones, which fit side by side.
 */
export function namedLabels(names: readonly string[], pixels: number, place: 'below' | 'beside') {
  const longest = Math.max(...names.map((name) => name.length));
  const upright = place === 'below' && longest > 4;
  const room = place === 'beside' || upright ? lineHeight : 10 + letterWidth * longest;
  const every = Math.ceil((names.length * room) / pixels);
  const values = names.flatMap((_, i) => (i % every === 0 ? [i + 1] : []));
  return {
    ...{ values, tickCount: values.length },
    // As `axisTitle`.
    labelExpr: `slice(${JSON.stringify(names.map((name) => `_${name}`))}[datum.value - 1], 1)`,
    ...{ labelOverlap: false, labelLimit: 130 },
    // Vega takes letters to be wider than they are.
    maxExtent: 10 + letterWidth * Math.min(13, longest),
    ...(upright ? { labelAngle: -90, labelAlign: 'right', labelBaseline: 'middle' } : { labelAngle: 0 }),
  } as const;
}

const lineHeight = 15;
const letterWidth = 7;
