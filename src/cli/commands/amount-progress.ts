import { formatBytes, formatClock } from '../../core/text.js';
import { cellsOf, displayOf, lineOf, startBar, type Bar, type ProgressStream } from '../display.js';

/** How far a piece of work is. */
export interface Amount {
  /** What is being done, `downloading x.tar.gz`. */
  readonly label: string;
  readonly unit: 'bytes' | 'images' | 'measurements' | 'probes' | 'steps';
  readonly done: number;
  readonly total: number | undefined;
}

/** Shows one piece of work after another. */
export interface AmountProgress {
  update(amount: Amount): void;
  /** A line that stays. */
  note(line: string): void;
  end(): void;
}

/** A bar on an interactive terminal, a line now and then elsewhere, nothing if quiet. */
export function amountProgress(
  stream: ProgressStream,
  quiet: boolean,
  env: NodeJS.ProcessEnv = process.env,
): AmountProgress {
  const display = displayOf(stream, quiet, env);
  if (display === 'nothing') return { update: () => {}, note: () => {}, end: () => {} };
  return display === 'bar' ? bars(stream) : lines(stream);
}

const secondsBetweenLines = 10;

/** A line when a piece of work begins, and one every few seconds while it goes on. */
function lines(stream: ProgressStream): AmountProgress {
  let current: string | undefined;
  let last = 0;
  return {
    update: (amount) => {
      const now = performance.now() / 1000;
      if (amount.label === current && now - last < secondsBetweenLines) return;
      current = amount.label;
      last = now;
      stream.write(`${amount.label}: ${shareOf(amount)}\n`);
    },
    note: (line) => stream.write(`note: ${line}\n`),
    end: () => {},
  };
}

/** How far it is, and how much of it is done a second, once that can be told. */
interface Rated {
  readonly amount: Amount;
  readonly rate: number | undefined;
}

function bars(stream: ProgressStream): AmountProgress {
  let bar: Bar<Rated> | undefined;
  let current: string | undefined;
  let start = { seconds: 0, done: 0 };
  const stop = (): void => {
    bar?.stop();
    bar = undefined;
    current = undefined;
  };
  return {
    update: (amount) => {
      const now = performance.now() / 1000;
      if (amount.label !== current) {
        stop();
        current = amount.label;
        start = { seconds: now, done: amount.done };
        bar = startBar<Rated>(stream, (shown, width) => amountLine(shown.amount, shown.rate, width), {
          ...{ amount, rate: undefined },
        });
      }
      const seconds = now - start.seconds;
      const rate = seconds > 0.5 ? (amount.done - start.done) / seconds : undefined;
      bar?.update({ amount, rate });
    },
    note: (line) => {
      stop();
      stream.write(`note: ${line}\n`);
    },
    end: stop,
  };
}

/** The bar's line, short enough for the terminal. */
export function amountLine(amount: Amount, rate: number | undefined, width: number): string {
  const { label, unit, done, total } = amount;
  const speed = rate === undefined || rate <= 0 ? undefined : rate;
  const parts = [
    label,
    total === undefined ? '' : cellsOf(done, total),
    shareOf(amount),
    speed === undefined ? '' : `${unit === 'bytes' ? formatBytes(speed) : Math.round(speed)}/s`,
    speed === undefined || total === undefined ? '' : `ETA ${formatClock((total - done) / speed)}`,
  ];
  return lineOf(parts, width);
}

function shareOf({ unit, done, total }: Amount): string {
  const show = (amount: number): string => (unit === 'bytes' ? formatBytes(amount) : String(amount));
  const share = total === undefined ? show(done) : `${show(done)} of ${show(total)}`;
  return unit === 'bytes' ? share : `${share} ${unit}`;
}
