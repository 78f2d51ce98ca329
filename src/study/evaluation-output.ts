import { csvText } from '../core/csv-text.js';
import { textTable } from '../core/table.js';
import { formatAccuracy, formatNumberSpread, plural } from '../core/text.js';
import { visible } from '../core/visible.js';
import { classAccuracy } from './confusion.js';
import type { RunEvaluation } from './evaluate-run.js';

/** More classes than these are not listed one by one. */
const listed = 50;
/** What a class is taken for most often: so many others. */
const mistakes = 2;

/** An evaluation as people read it: the network's rates, and by class its accuracy and what it is taken for. */
export function evaluationTable(evaluation: RunEvaluation): string {
  const {
    evaluatedOn,
    images,
    accuracy,
    top5,
    loss,
    classes,
    counts,
    skippedImages,
    metrics = {},
  } = evaluation;
  const { label, bestEpoch, data } = evaluation;
  const rates = [
    `accuracy ${formatAccuracy(accuracy)}`,
    ...(top5 === undefined ? [] : [`top-5 ${formatAccuracy(top5)}`]),
    `loss ${loss.toFixed(4)}`,
    ...Object.entries(metrics).map(
      ([name, value]) => `${visible(name)} ${formatNumberSpread({ mean: value, deviation: undefined })}`,
    ),
  ];
  const skipped = skippedImages === 0 ? '' : `; ${plural(skippedImages, 'image')} could not be decoded`;
  const after = bestEpoch === undefined ? '' : ` after epoch ${bestEpoch}, its best,`;
  const of = data === undefined ? '' : ` of ${visible(data)}`;
  const head = `${label}${after} on ${plural(images, `${evaluatedOn} image`)}${of}: ${rates.join(', ')}${skipped}\n`;
  const order = classes
    .map((_, each) => ({ each, share: classAccuracy(evaluation, each) }))
    .filter(({ share }) => share !== undefined);
  const shown = order.length <= listed ? order : order.sort((a, b) => a.share! - b.share!).slice(0, listed);
  const rows = shown.map(({ each, share }) => [
    visible(classes[each]!),
    String(counts[each]!.reduce((sum, count) => sum + count, 0)),
    formatAccuracy(share!),
    takenFor(evaluation, each),
  ]);
  const table = textTable({ header: ['class', 'images', 'accuracy', 'taken for'], rows });
  const rest =
    shown.length === order.length
      ? ''
      : `the ${listed} classes of ${order.length} that it knows least; --json has all\n`;
  return `${head}\n${table}${rest}`;
}

function takenFor({ counts, classes }: RunEvaluation, label: number): string {
  return counts[label]!.map((count, other) => ({ count, other }))
    .filter(({ count, other }) => other !== label && count > 0)
    .sort((a, b) => b.count - a.count)
    .slice(0, mistakes)
    .map(({ count, other }) => `${visible(classes[other]!)} ${count}`)
    .join(', ');
}

/**
 * The confusion matrix: a row for each true class, a column for each answer. Below it a row `metric:NAME` for each metric
 * of a plugin, its value in the first column.
 */
export function confusionCsv({
  classes,
  counts,
  metrics = {},
}: Pick<RunEvaluation, 'classes' | 'counts' | 'metrics'>): string {
  const rest = classes.slice(1).map(() => '');
  return csvText([
    ['class', ...classes],
    ...classes.map((name, i) => [name, ...counts[i]!]),
    ...Object.entries(metrics).map(([name, value]) => [`metric:${name}`, value, ...rest]),
  ]);
}
