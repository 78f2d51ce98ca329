import type { MemoryMeter } from '../../engine/engine.js';
import type { ChosenRecompute, Recompute, RecomputePlan } from '../../engine/recompute-choices.js';
import { UserError } from '../../core/errors.js';
import { formatBytes } from '../../core/text.js';
import { recomputing, type Strategy } from '../../local/strategy.js';
import { ifItFits, measureStep, type BatchShape } from './measure.js';
import { profilePlaces, type PlaceCost, type PlaceProfile, type UpdateProfile } from './place-profile.js';

/** What a step recomputes to stay within a budget, and what that was found to take. */
export interface RecomputeChoice {
  readonly plan: RecomputePlan;
  /** Of the step that was measured with it. */
  readonly peakBytes: number;
  /** Of the one that recomputes nothing; undefined where that does not fit into the memory that there is. */
  readonly plainBytes: number | undefined;
}

/** From the cheapest to the leanest. */
const tiers = ['none', 'units', 'segments'] as const satisfies readonly Recompute[];

/**
 * Chooses what each update of a step makes again so that the step's peak stays within a budget, at as few multiply-adds
 * as that takes. Updates that fit are left as they are. For others a step is profiled in which every unit (or where
 * that is too much, every segment) is made again: how much each place would keep, for which part of the step, and what
 * making it costs. As much is then kept as fits, what costs most a byte first. The step is measured with that, and
 * where it takes more than the profile said, less is kept. Nothing depends on time: the same step gets the same plan.
 *
 * @param meter counts everything that the process holds
 * @param strategy that recomputes nothing of its own; no parameter changes, running statistics do
 * @param budget bytes that the step may take at most
 * @param shape of the batch
 * @throws UserError where nothing meets the budget, with the least that would
 */
export function planRecompute(
  meter: MemoryMeter,
  strategy: Strategy,
  budget: number,
  shape: BatchShape,
): RecomputeChoice {
  const { updates } = strategy;
  const plain = ifItFits(() => measureStep(meter, strategy, shape));
  const known = new Map<Recompute, PlaceProfile | undefined>();
  const profileOf = (tier: Recompute): PlaceProfile | undefined => {
    if (!known.has(tier))
      known.set(
        tier,
        ifItFits(() => profilePlaces(meter, strategy, tier, shape)),
      );
    return known.get(tier);
  };
  const placesOf = (tier: Recompute, i: number): number =>
    tier === 'none' ? 0 : profileOf(tier)!.updates.get(updates[i]!.name)!.places.length;
  const leastOf = (tier: Recompute, i: number): number =>
    (tier === 'none' ? plain : profileOf(tier)?.step)?.updates[i]!.peakBytes ?? Infinity;
  /** What keeps an update within so many bytes, or nearest to that; more than `now`, which was too little. */
  const cheapest = (i: number, bytes: number, now?: Choice): Choice | undefined => {
    for (let tier = now?.tier ?? 0; tier < tiers.length; tier++) {
      const recompute = tiers[tier]!;
      const isAll = now?.tier === tier && now.kept.length === 0;
      if (isAll || leastOf(recompute, i) > budget) continue;
      const kept =
        recompute === 'none'
          ? []
          : (keptWithin(profileOf(recompute)!.updates.get(updates[i]!.name)!, bytes) ?? []);
      return { tier, recompute, places: placesOf(recompute, i), kept };
    }
    return undefined;
  };
  const plainBytes = plain?.peakBytes;
  /** By update, what the profile was found to be wrong by. */
  const margins = updates.map(() => 0);
  let chosen: readonly (Choice | undefined)[] = updates.map((_, i) => cheapest(i, budget));
  while (isWhole(chosen)) {
    const plan = planOf(strategy, chosen);
    const measured = ifItFits(() => measureStep(meter, recomputing(strategy, plan), shape));
    if (measured !== undefined && measured.peakBytes <= budget) {
      return { plan, peakBytes: measured.peakBytes, plainBytes };
    }
    const before: readonly Choice[] = chosen;
    chosen = before.map((choice, i): Choice | undefined => {
      const over = measured === undefined ? budget : measured.updates[i]!.peakBytes - budget;
      if (over <= 0) return choice;
      margins[i] = Math.max(2 * margins[i]!, margins[i]! + over);
      return cheapest(i, budget - margins[i]!, choice);
    });
  }
  // What one update leaves may be what is too much for another.
  for (const [tier, recompute] of tiers.entries()) {
    const peakBytes = recompute === 'none' ? plainBytes : profileOf(recompute)?.step.peakBytes;
    if (peakBytes === undefined || peakBytes > budget) continue;
    const plan = planOf(
      strategy,
      updates.map((_, i) => ({ tier, recompute, places: placesOf(recompute, i), kept: [] })),
    );
    return { plan, peakBytes, plainBytes };
  }
  throw nothingFits(
    budget,
    tiers.map((tier) => [tier, tier === 'none' ? plainBytes : profileOf(tier)?.step.peakBytes]),
  );
}

interface Choice extends ChosenRecompute {
  /** Its place among `tiers`. */
  readonly tier: number;
}

function isWhole(choices: readonly (Choice | undefined)[]): choices is readonly Choice[] {
  return choices.every((choice) => choice !== undefined);
}

function planOf({ updates }: Strategy, chosen: readonly Choice[]): RecomputePlan {
  return Object.fromEntries(
    updates.map(({ name }, i) => {
      const { recompute, places, kept } = chosen[i]!;
      return [name, { recompute, places, kept }];
    }),
  );
}

/**
 * The places that need not be made again for an update to stay within so many bytes, most multiply-adds a byte first;
 * undefined where it takes more even if all are.
 */
function keptWithin({ places, stretches }: UpdateProfile, bytes: number): number[] | undefined {
  const left = stretches.map(({ peakBytes }) => bytes - peakBytes);
  if (left.some((each) => each < 0)) return undefined;
  const worth = ({ multiplyAdds, keptBytes }: PlaceCost): number =>
    keptBytes <= 0 ? Infinity : multiplyAdds / keptBytes;
  const order = places
    .map((_, place) => place)
    .sort((a, b) => {
      const [first, second] = [worth(places[a]!), worth(places[b]!)];
      return first === second ? a - b : second > first ? 1 : -1;
    });
  const kept = order.filter((place) => {
    const { keptBytes } = places[place]!;
    const concerned = stretches.flatMap(({ open }, i) => (open.includes(place) ? [i] : []));
    if (keptBytes > 0 && concerned.some((i) => left[i]! < keptBytes)) return false;
    for (const i of concerned) left[i]! -= Math.max(0, keptBytes);
    return true;
  });
  return kept.sort((a, b) => a - b);
}

function nothingFits(
  budget: number,
  found: readonly (readonly [Recompute, number | undefined])[],
): UserError {
  const [least] = found
    .flatMap(([recompute, bytes]) => (bytes === undefined ? [] : [{ recompute, bytes }]))
    .sort((a, b) => a.bytes - b.bytes);
  const otherwise = 'Take a smaller batch, or more blocks (locallearn memory CONFIG --budget BYTES)';
  if (least === undefined) {
    return new UserError(`recompute: auto: out of memory, whatever is recomputed. ${otherwise}`);
  }
  const { recompute, bytes } = least;
  return new UserError(
    `recompute: auto: no step fits into memory: ${formatBytes(budget)}; the least found is ${Math.ceil(bytes / 1e5) / 10} MB, with recompute: ${recompute}. ${otherwise}`,
  );
}
