/** A struct as pairs of a field's number and what it holds: a number (as 64 bits), a text, a list of numbers, a struct. */
export type Written = readonly (readonly [
  number,
  number | string | boolean | readonly number[] | { readonly struct: Written },
])[];

const unsigned = (value: number): number[] =>
  value < 128 ? [value] : [128 + (value % 128), ...unsigned(Math.floor(value / 128))];

const signed = (value: number): number[] => unsigned(value < 0 ? -2 * value - 1 : 2 * value);

/** The struct in thrift's compact protocol. */
export function thrift(fields: Written): number[] {
  let last = 0;
  const bytes = fields.flatMap(([id, value]) => {
    const [kind, content] = encoded(value);
    const step = id - last;
    last = id;
    return [...(step > 0 && step < 16 ? [16 * step + kind] : [kind, ...signed(id)]), ...content];
  });
  return [...bytes, 0];
}

function encoded(value: Written[number][1]): [kind: number, content: number[]] {
  if (typeof value === 'boolean') return [value ? 1 : 2, []];
  if (typeof value === 'number') return [6, signed(value)];
  if (typeof value === 'string') return [8, [...unsigned(value.length), ...Buffer.from(value, 'latin1')]];
  if ('struct' in value) return [12, thrift(value.struct)];
  const { length } = value;
  return [9, [...(length < 15 ? [16 * length + 6] : [0xf6, ...unsigned(length)]), ...value.flatMap(signed)]];
}
