import { memoryUnit } from '../memory-unit.js';
import { standaloneTrade } from './standalone.js';
import type { TradePoint } from './points.js';
import { styleOf } from '../styles.js';
import { formatBytes, formatCount, formatOverhead } from '../../core/text.js';
import type { MemorySetting } from '../../measure/memory/setting.js';
import type { MeasuredVariant } from '../../measure/frontier/measure.js';
import { titleOf } from '../../measure/frontier/output.js';
import { pointsOf } from '../../measure/frontier/points.js';

/** The chart as an SVG file: a colour for each method, the same for each K and each setting of what it recomputes. */
export function frontierSvg(setting: MemorySetting, all: readonly MeasuredVariant[]): string {
  const found = pointsOf(all);
  const unit = memoryUnit(found.map(({ x }) => x));
  const bp = found.find(({ measured }) => measured === all[0])?.y;
  const labels = [...new Set(all.map(({ variant }) => variant.label))].filter((label) => label !== 'bp');
  const points = found.map(({ name, x, y, trade, measured: { variant } }): TradePoint => {
    const isBp = variant.label === 'bp';
    const beside = trade === undefined ? '' : `, ${formatOverhead(trade.multiplyAddsOverhead)} beside BP`;
    return {
      label: name,
      text: `${name}: ${formatBytes(x)}, ${formatCount(y)} multiply-adds${beside}`,
      style: styleOf(isBp ? 0 : labels.indexOf(variant.label), isBp),
      x: x / unit.bytes,
      y: bp === undefined ? y / 1e9 : y / bp,
    };
  });
  return standaloneTrade({
    title: titleOf(setting, all),
    points,
    xTitle: `peak memory, ${unit.name}`,
    yTitle: bp === undefined ? 'multiply-adds a step, G' : 'multiply-adds a step, × BP',
  });
}
