import { mean } from '../core/stats.js';
import { textTable } from '../core/table.js';
import type { RateRange } from './rate-range.js';

const [bars, width] = ['▁▂▃▄▅▆▇█', 32];

/** A range test as people read it: a line an update, its loss drawn over the rates. */
export function rateRangeText({ rates, updates, diverged }: RateRange): string {
  const [first, last] = [rates[0], rates.at(-1)];
  if (first === undefined || last === undefined) {
    return 'the first step already had a loss that is no number: begin lower, --from\n';
  }
  const table = textTable({
    header: ['update', 'falls fastest at', 'least at', 'loss', `from ${shown(first)} to ${shown(last)}`],
    rows: updates.map(({ name, losses, steepest, least }) => [
      name,
      steepest === undefined ? '–' : shown(steepest),
      shown(least),
      `${losses[0]!.toPrecision(3)} → ${Math.min(...losses).toPrecision(3)}`,
      drawn(losses),
    ]),
  });
  const end = diverged
    ? `Beyond ${shown(last)} a loss grows without end.`
    : 'No loss grew to several times its least: a larger --to would tell more.';
  return `${table}${end} A peak rate between the two columns, nearer to the first, is a usual choice; train.rateFactors sets an update's own.\n`;
}

const shown = (rate: number): string => rate.toPrecision(2);

/** The mean of each stretch, from the least to the first loss; what lies above is at the top. */
function drawn(losses: readonly number[]): string {
  const stretches = Math.min(width, losses.length);
  const means = Array.from({ length: stretches }, (_, i) => {
    const part = losses.slice(
      Math.floor((i * losses.length) / stretches),
      Math.floor(((i + 1) * losses.length) / stretches),
    );
    return mean(part);
  });
  const [least, most] = [Math.min(...means), means[0]!];
  const place = (loss: number): number =>
    most > least ? Math.round(((loss - least) / (most - least)) * (bars.length - 1)) : 0;
  return means.map((loss) => bars[Math.min(place(loss), bars.length - 1)]).join('');
}
