import type { SeriesStyle } from '../styles.js';

/** A method on a chart of what it takes: both less is better. */
export interface TradePoint {
  /** Beside the point: short. */
  readonly label: string;
  /** Shown when the pointer rests on it. */
  readonly text: string;
  readonly style: SeriesStyle;
  /** Memory. */
  readonly x: number;
  /** Time, or multiply-adds. */
  readonly y: number;
}
