/** More would be a slip of the finger. */
const most = 10_000;

/**
 * The numbers of a list such as `1,2,5-8`, in its order.
 *
 * @returns undefined for what is no such list, has a range that falls, or more than 10,000 numbers
 */
export function wholeNumbers(text: string): number[] | undefined {
  const numbers: number[] = [];
  for (const part of text.split(',')) {
    const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(part) ?? [];
    const count = Number(last) - Number(first) + 1;
    // NaN for what is no number.
    if (!(count >= 1 && numbers.length + count <= most)) return undefined;
    for (let i = 0; i < count; i++) numbers.push(Number(first) + i);
  }
  return numbers;
}
