import { sum } from '../../core/stats.js';
import type { Cuts } from '../../local/partition/partition.js';
import type { PartitionCosts } from '../../local/partition/balance.js';
import { variableBytes } from './measure.js';
import { ownersOf, updatesBySite, type MeasuredStrategy, type SiteUpdate } from './site-updates.js';
import type { UnitProfile } from './unit-profile.js';

/** A measured profile, from which the peak of any partition is estimated. */
export interface MemoryModel {
  readonly costs: PartitionCosts;
  /** Replaces the estimates of a partition's blocks by what they took when it was measured. */
  learn(cuts: Cuts, measured: MeasuredStrategy): void;
  /** What the estimates say of a partition: its largest update's peak in bytes, all that is held included. */
  estimate(cuts: Cuts): number;
}

/** A block by the first and the last of its units; `previous` is the first unit of the block before it. */
interface Span {
  readonly previous: number | undefined;
  readonly start: number;
  readonly end: number;
}

/**
 * The model's two sources: each unit's own profile, and the updates of the finest partition, cut at every site, which
 * have the auxiliary nets, bridges and streams of the method as they are. A longer block is taken to need what its last
 * unit's update needed, plus what the units before it keep for their backward pass; or, if that is more, what one of
 * its units needs during its own forward or backward pass.
 */
export function memoryModel(
  units: readonly UnitProfile[],
  sites: Cuts,
  finest: MeasuredStrategy,
): MemoryModel {
  const { network } = finest.strategy;
  const owners = ownersOf(network);
  const lastUnit = network.units.length - 1;
  const ends = [...sites, lastUnit];
  const updates = updatesBySite(finest, owners);
  const finestStart = (end: number): number => (ends[ends.indexOf(end) - 1] ?? -1) + 1;
  // In a cascade updates reach back into the block before; the first block then has none of its own.
  const reachesBack = (update: SiteUpdate, end: number): boolean => update.first < finestStart(end);
  const cascade = [...updates].some(([end, own]) => own.some((update) => reachesBack(update, end)));
  const firstHasUpdates = updates.has(ends[0]!);
  const parameterBytes = parameterBytesOf(finest);
  const keptBefore = [0];
  for (const { keptBytes } of units) keptBefore.push(keptBefore.at(-1)! + keptBytes);

  /** What an update that was measured at the end of a block needs if the block is longer, beyond what is held. */
  const updatePeak = (update: SiteUpdate, { previous, start, end }: Span): number => {
    const back = reachesBack(update, end);
    const from = back ? (previous ?? start) : start;
    const measuredFrom = back ? Math.min(update.first, finestStart(end)) : finestStart(end);
    const own = range(start, end);
    const before = previous === undefined ? [] : range(previous, start - 1);
    const isPending = (block: readonly number[]): boolean =>
      block.some((unit) => update.pending.has(unit)) && (firstHasUpdates || block[0] !== 0);
    const pending = [own, before].filter(isPending).flat();
    const pendingBytes = sum(pending.map((unit) => parameterBytes[unit]!));
    // What waits of units that have run is counted with what these units keep.
    const recorded = range(measuredFrom, end).filter((unit) => update.recorded.has(unit));
    const atStart =
      update.startBytes - finest.step.heldBytes - sum(recorded.map((unit) => units[unit]!.keptBytes));
    return runPeak(units, keptBefore, {
      ...{ from, end, measuredFrom },
      peak: update.peakBytes - finest.step.heldBytes + pendingBytes - update.pendingBytes,
      waiting: Math.max(0, atStart - units[measuredFrom]!.inputBytes - update.pendingBytes) + pendingBytes,
      gradients: update.auxiliaryBytes,
    });
  };

  const learned = new Map<string, number>();
  const keyOf = ({ previous, start, end }: Span): string =>
    `${cascade ? (previous ?? '') : ''}/${start}/${end}`;
  const spanPeak = (span: Span): number => {
    const known = learned.get(keyOf(span));
    if (known !== undefined) return known;
    if (span.previous === undefined && !firstHasUpdates && span.end !== lastUnit) return 0;
    const own = updates.get(span.end) ?? [];
    return Math.max(0, ...own.map((update) => updatePeak(update, span)));
  };
  const spansOf = (cuts: Cuts): Span[] => {
    const starts = [0, ...cuts.map((cut) => cut + 1)];
    return [...cuts, lastUnit].map((end, i) => ({ previous: starts[i - 1], start: starts[i]!, end }));
  };

  const heldOf = heldBySite(finest, updates);
  const held = (cut: number): number => heldOf.get(cut) ?? 0;
  const alwaysHeld = finest.step.heldBytes - sum(sites.map(held));
  return {
    costs: {
      units: network.units.length,
      sites,
      peak: (previous, start, end) => spanPeak({ previous, start, end }),
      held,
    },
    learn(cuts, measured) {
      const own = updatesBySite(measured, owners);
      for (const span of spansOf(cuts)) {
        const peaks = (own.get(span.end) ?? []).map(({ peakBytes }) => peakBytes - measured.step.heldBytes);
        learned.set(keyOf(span), Math.max(0, ...peaks));
      }
    },
    estimate: (cuts) => alwaysHeld + sum(cuts.map(held)) + Math.max(...spansOf(cuts).map(spanPeak)),
  };
}

/** A run of units, and what the update at its end needed when it was measured with a shorter one. */
interface Run {
  readonly from: number;
  readonly end: number;
  readonly measuredFrom: number;
  readonly peak: number;
  /** In use at its start beside the features that it reads: other streams, gradients that wait to be summed. */
  readonly waiting: number;
  /** Of its auxiliary nets, there before its units' backward pass starts. */
  readonly gradients: number;
}

function runPeak(
  units: readonly UnitProfile[],
  /** What all units before this one keep together. */
  keptBefore: readonly number[],
  { from, end, measuredFrom, peak, waiting, gradients }: Run,
): number {
  const kept = (start: number, stop: number): number => keptBefore[stop]! - keptBefore[start]!;
  // The features at the start that was measured are among what the units before it keep.
  let most = peak;
  if (from < measuredFrom) {
    most += units[from]!.inputBytes + kept(from, measuredFrom) - units[measuredFrom]!.inputBytes;
  }
  // What stays from one unit's backward pass to the next: gradients, and the block's output for the next block.
  let staying = gradients;
  for (let unit = end; unit >= from; unit--) {
    const { forwardBytes, firstBackwardBytes, innerBackwardBytes, leftBytes, outputBytes } = units[unit]!;
    const before = waiting + units[from]!.inputBytes + kept(from, unit);
    const backward = unit === from ? firstBackwardBytes : innerBackwardBytes;
    most = Math.max(most, before + forwardBytes, before + staying + backward);
    staying += leftBytes + (unit === end ? outputBytes : 0);
  }
  return most;
}

/** Of each unit's parameters, and so of their gradients; the head's count with the last. */
function parameterBytesOf({ strategy: { network } }: MeasuredStrategy): number[] {
  const bytes = network.units.map(() => 0);
  for (const [variable, unit] of ownersOf(network)) bytes[unit]! += variableBytes([variable]);
  return bytes;
}

/** What each site's auxiliary nets hold, trained or not, with optimiser state. */
function heldBySite(
  { strategy }: MeasuredStrategy,
  updates: ReadonlyMap<number, readonly SiteUpdate[]>,
): ReadonlyMap<number, number> {
  const trained = [...updates].map(
    ([site, own]) => [site, sum(own.map(({ auxiliaryBytes }) => auxiliaryBytes))] as const,
  );
  const allTrained = sum(trained.map(([, bytes]) => bytes));
  const all = variableBytes(strategy.auxiliary.map(({ variable }) => variable));
  // Momentum nets and running statistics are no update's; they are about as large as what is trained beside them.
  const factor = allTrained === 0 ? 0 : (all + allTrained) / allTrained;
  return new Map(trained.map(([site, bytes]) => [site, bytes * factor]));
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);
}
