import { textTable } from '../../core/table.js';
import { formatBytes, plural } from '../../core/text.js';
import { planInWords } from './choose-method.js';
import type { MethodMemory } from './report.js';
import type { MemorySetting } from './setting.js';
import { fitting, type SweepMemory } from './sweep.js';

/** Columns of text that the longest bar takes. */
const barWidth = 24;
const outOfMemory = 'out of memory';

/** Each update of one method's step, and what is held all the time. */
export function updateTable(setting: MemorySetting, result: MethodMemory): string {
  const { label, network, blocks, step, parameterBytes } = result;
  const { batchSize, imageShape, engine } = setting;
  const title = `${label}: ${network} in ${plural(blocks, 'block')}, ${batchSize} images of ${imageShape.join('×')}, engine ${engine.name}\n`;
  if (step === undefined) return `${title}${outOfMemory}\n`;
  const bar = barsFor(step.peakBytes);
  const chosen = result.recompute === undefined ? '' : `recomputes ${planInWords(result.recompute)}\n`;
  const table = textTable({
    header: ['update', 'forward activations', 'parameters', 'optimiser state', peakHeader(setting), ''],
    rows: step.updates.map((update) => [
      update.name,
      ...[update.activationBytes, update.parameterBytes, update.optimizerBytes, update.peakBytes].map(size),
      bar(update.peakBytes),
    ]),
  });
  const optimizerBytes = step.updates.reduce((sum, update) => sum + update.optimizerBytes, 0);
  const rest = step.heldBytes - parameterBytes - optimizerBytes;
  const parts = `parameters ${size(parameterBytes)}, optimiser state ${size(optimizerBytes)}, images and what is not trained ${size(rest)}`;
  const freeing = step.updates.filter(({ activationBytes }) => activationBytes === 0);
  const freed = freeing.map(
    ({ name }) =>
      `${name}: nothing is added, as its forward pass frees features of earlier updates that it reads last\n`,
  );
  return `${title}${chosen}${table}${freed.join('')}held throughout: ${size(step.heldBytes)} (${parts})\n`;
}

/** The methods beside one another; BP is the first. */
export function methodTable(setting: MemorySetting, results: readonly MethodMemory[]): string {
  const lines = results.map((result) => [result.label, result] as const);
  return comparison('method', lines, results[0]!, setting);
}

/** A line for each K of one method. */
export function sweepTable(
  setting: MemorySetting,
  results: readonly SweepMemory[],
  bp: MethodMemory,
): string {
  const lines = results.map((result) => [nameOf(result), result] as const);
  const label = results.find(({ count }) => count !== 1)?.label ?? bp.label;
  const { batchSize, imageShape, engine } = setting;
  const title = `${label}: ${bp.network}, ${batchSize} images of ${imageShape.join('×')}, engine ${engine.name}\n`;
  return title + comparison('K', lines, bp, setting);
}

/** Which is the fewest blocks whose step fits, or that there is none. */
export function budgetLine(results: readonly SweepMemory[], budget: number): string {
  const label = results[0]?.label ?? '';
  const found = fitting(results, budget);
  if (found !== undefined) {
    const blocks = found.count === 1 ? 'backpropagation' : plural(found.blocks, 'block');
    return `${label}: ${blocks} (K = ${found.count}) fits into ${size(budget)}: at most ${size(found.step!.peakBytes)}`;
  }
  const least = leastOf(results);
  const tried = results.map(({ count }) => String(count)).join(', ');
  const rest =
    least?.step === undefined
      ? outOfMemory
      : `the least is ${size(least.step.peakBytes)} with K = ${least.count}`;
  return `${label}: none of K = ${tried} fits into ${size(budget)}; ${rest}. Take a smaller batch, or a method with smaller auxiliary nets`;
}

function leastOf(results: readonly SweepMemory[]): SweepMemory | undefined {
  return results
    .filter(({ step }) => step !== undefined)
    .toSorted((a, b) => a.step!.peakBytes - b.step!.peakBytes)[0];
}

/** One result as a line of JSON. */
export function memoryRecord(
  { batchSize, imageShape, engine }: MemorySetting,
  result: MethodMemory | SweepMemory,
  bp: MethodMemory,
): string {
  const { step, ...identity } = result;
  const measured =
    step === undefined
      ? { outOfMemory: true }
      : {
          peakMemoryBytes: step.peakBytes,
          timesBp: bp.step === undefined ? null : step.peakBytes / bp.step.peakBytes,
          heldBytes: step.heldBytes,
          updates: step.updates,
        };
  const record = { ...identity, batch: batchSize, imageShape, ...measured };
  return `${JSON.stringify({ ...record, memoryMeter: engine.memory.name, engine: engine.name })}\n`;
}

/** The answer to a budget as a line of JSON; `count` is null where nothing fits. */
export function budgetRecord(results: readonly SweepMemory[], budget: number): string {
  const found = fitting(results, budget);
  const answer = found === undefined ? { count: null } : { count: found.count, blocks: found.blocks };
  return `${JSON.stringify({ label: results[0]?.label, budgetBytes: budget, ...answer })}\n`;
}

/** `1 (bp)`, `4`, `all`. */
function nameOf({ count }: SweepMemory): string {
  return count === 1 ? '1 (bp)' : String(count);
}

function comparison(
  first: string,
  lines: readonly (readonly [string, MethodMemory])[],
  bp: MethodMemory,
  setting: MemorySetting,
): string {
  const bar = barsFor(Math.max(0, ...lines.map(([, { step }]) => step?.peakBytes ?? 0)));
  const cells = ({ step }: MethodMemory): string[] => {
    if (step === undefined) return ['', outOfMemory, '', ''];
    const largest = step.updates.find(({ peakBytes }) => peakBytes === step.peakBytes)!;
    const timesBp = bp.step === undefined ? '' : (step.peakBytes / bp.step.peakBytes).toFixed(2);
    return [largest.name, size(step.peakBytes), timesBp, bar(step.peakBytes)];
  };
  return textTable({
    header: [first, 'blocks', 'largest update', peakHeader(setting), '× BP', ''],
    rows: lines.map(([name, result]) => [name, String(result.blocks), ...cells(result)]),
  });
}

function peakHeader({ engine }: MemorySetting): string {
  return `peak (${engine.memory.name})`;
}

/** Bars against the longest, all padded to the same width so that they start in one column. */
function barsFor(longest: number): (bytes: number) => string {
  return (bytes) => '█'.repeat(Math.round((bytes / Math.max(1, longest)) * barWidth)).padEnd(barWidth);
}

/** Kilobytes of 10³ bytes where megabytes would round them away. */
function size(bytes: number): string {
  return bytes > 0 && bytes < 99_950 ? `${(bytes / 1e3).toFixed(1)} kB` : formatBytes(bytes);
}
