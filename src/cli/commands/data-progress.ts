import { SingleBar } from 'cli-progress';
import { formatBytes, formatClock } from '../../core/text.js';
import { isInteractive } from '../color.js';
import type { ProgressStream } from '../progress.js';

/** How far a piece of work is. */
export interface Amount {
  /** What is being done, `downloading x.tar.gz`. */
  readonly label: string;
  readonly unit: 'bytes' | 'images' | 'measurements' | 'probes';
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
  if (quiet) return { update: () => {}, note: () => {}, end: () => {} };
  return isInteractive(stream, env) ? bars(stream) : lines(stream);
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

function bars(stream: ProgressStream): AmountProgress {
  let bar: SingleBar | undefined;
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
        bar = new SingleBar({
          stream,
          clearOnComplete: true,
          linewrap: true,
          format: (_, { maxWidth }, { amount: shown, rate }) =>
            amountLine(shown as Amount, rate as number | undefined, maxWidth),
        });
        bar.start(amount.total ?? 1, amount.done, { amount, rate: undefined });
      }
      const seconds = now - start.seconds;
      const rate = seconds > 0.5 ? (amount.done - start.done) / seconds : undefined;
      bar?.update(amount.done, { amount, rate });
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
  const cells = 20;
  const full = total === undefined || total === 0 ? 0 : Math.floor((Math.min(done, total) / total) * cells);
  const speed = rate === undefined || rate <= 0 ? undefined : rate;
  const parts = [
    label,
    total === undefined ? '' : `[${'='.repeat(full)}${'-'.repeat(cells - full)}]`,
    shareOf(amount),
    speed === undefined ? '' : `${unit === 'bytes' ? formatBytes(speed) : Math.round(speed)}/s`,
    speed === undefined || total === undefined ? '' : `ETA ${formatClock((total - done) / speed)}`,
  ];
  return parts
    .filter((part) => part !== '')
    .join('  ')
    .slice(0, Math.max(0, width - 1));
}

function shareOf({ unit, done, total }: Amount): string {
  const show = (amount: number): string => (unit === 'bytes' ? formatBytes(amount) : String(amount));
  const share = total === undefined ? show(done) : `${show(done)} of ${show(total)}`;
  return unit === 'bytes' ? share : `${share} ${unit}`;
}
