import { setImmediate } from 'node:timers/promises';
import type { MemoryMeter } from '../../engine/engine.js';
import { withRecompute } from '../../engine/recompute.js';
import type { Recompute } from '../../engine/recompute-choices.js';
import { inPhase } from '../../engine/out-of-memory.js';
import { UserError } from '../../core/errors.js';
import { checkGiven, functionSchema, signalSchema, sizeSchema } from '../../core/given.js';
import { evenEnds, everyUnit, type Cuts } from '../../local/partition/partition.js';
import { balancedCuts } from '../../local/partition/balance.js';
import type { Strategy } from '../../local/strategy.js';
import { networkSchema } from '../../networks/forms.js';
import type { Network } from '../../networks/network.js';
import { withoutDrawing } from '../../nn/parameters.js';
import { batchForm, ifItFits, measureStep, meterSchema, type BatchShape } from './measure.js';
import { memoryModel, type MemoryModel } from './model.js';
import type { MeasuredStrategy } from './site-updates.js';
import { profileUnits } from './unit-profile.js';

/** The method, network and batch to choose cut points for. */
export interface BalanceRequest extends BatchShape {
  readonly meter: MemoryMeter;
  /** Not trained, but its running statistics change: one for this alone. */
  readonly network: Network;
  /** The method on that network, cut after the units of these names. */
  readonly build: (cuts: readonly string[]) => Strategy;
  readonly blocks: number;
  /** What the method's backward passes make again. */
  readonly recompute?: Recompute | undefined;
  /** Ends the search early, with the best that was measured. */
  readonly signal?: AbortSignal | undefined;
  /** Told what is being measured, for people who wait. */
  readonly onProgress?: ((message: string) => void) | undefined;
}

/** Cut points that were chosen by measuring, and what was measured. */
export interface BalancedCuts {
  /** Names of the units that end a block, as a config writes them. */
  readonly cuts: readonly string[];
  /** The largest update's peak of a real step with these cuts. */
  readonly peakBytes: number;
  /** The same of blocks of even length; undefined where that does not fit into the memory that there is. */
  readonly evenPeakBytes: number | undefined;
  /** What the profile had estimated for the cuts that it chose first. */
  readonly estimatedBytes: number;
  /** Partitions whose step was measured. */
  readonly measured: number;
}

/** Partitions measured at most; the estimates are right within a few, or as good as they get. */
const mostMeasured = 12;

const forms = {
  request: batchForm.extend({
    meter: meterSchema,
    network: networkSchema,
    build: functionSchema,
    blocks: sizeSchema,
    signal: signalSchema.optional(),
    onProgress: functionSchema.optional(),
  }),
};

/**
 * Chooses the cut points into `blocks` blocks so that the largest update's peak memory is smallest. A profile of one
 * step (each unit by itself, and the method cut at every unit) gives an estimate for every block there can be, and
 * these the best partition; its step is measured, what it took replaces the estimates, and so on until the best is one
 * that was measured. The result is never worse than blocks of even length, which are measured too.
 *
 * @throws UserError where the network has fewer places to cut at than that, or no partition that was tried fits into
 * the memory that there is
 */
export async function balanceCuts(request: BalanceRequest): Promise<BalancedCuts> {
  checkGiven('balanceCuts', forms, { request });
  const { network, blocks, onProgress } = request;
  const atMost = (most: number): UserError =>
    new UserError(`blocks: ${network.name} can be cut into at most ${most} blocks here, not ${blocks}`);
  if (blocks > network.units.length) throw atMost(network.units.length);
  onProgress?.(`a profile of each unit of ${network.name}`);
  const model = inPhase(
    `cuts: measuring the units of ${network.name}`,
    'lower train.batchSize, or name the cuts',
    () => profile(request),
  );
  const { sites } = model.costs;
  const choose = (): Cuts | undefined => balancedCuts(model.costs, blocks)?.cuts;
  const first = choose();
  if (first === undefined) throw atMost(sites.length + 1);
  const estimatedBytes = model.estimate(first);
  const measured: { readonly cuts: Cuts; readonly peakBytes: number | undefined }[] = [];
  const measure = async (cuts: Cuts): Promise<number | undefined> => {
    // Measuring is synchronous: signals and screens have their turn between.
    await setImmediate();
    onProgress?.(`cuts after ${namesOf(network, cuts).join(', ')}`);
    const peakBytes = ifItFits(() => measureCuts(request, cuts, (finished) => model.learn(cuts, finished)));
    measured.push({ cuts, peakBytes });
    return peakBytes;
  };
  const evenPeakBytes = await measure(evenSites(sites, blocks));
  while (measured.length < mostMeasured && !request.signal?.aborted) {
    const next = choose()!;
    if (measured.some(({ cuts }) => cuts.join() === next.join())) break;
    await measure(next);
  }
  const [best] = measured
    .flatMap(({ cuts, peakBytes }) => (peakBytes === undefined ? [] : [{ cuts, peakBytes }]))
    .sort((a, b) => a.peakBytes - b.peakBytes);
  if (best === undefined) {
    throw new UserError(
      `cuts: out of memory with ${blocks} blocks, wherever ${network.name} is cut; take more blocks or a smaller batch`,
    );
  }
  return {
    cuts: namesOf(network, best.cuts),
    peakBytes: best.peakBytes,
    evenPeakBytes,
    estimatedBytes,
    measured: measured.length,
  };
}

function namesOf(network: Network, cuts: Cuts): string[] {
  return cuts.map((cut) => network.units[cut]!.name);
}

/** The peak of a step with these cuts, which `f` sees while its strategy is there. */
function measureCuts(request: BalanceRequest, cuts: Cuts, f: (measured: MeasuredStrategy) => void): number {
  const strategy = request.build(namesOf(request.network, cuts));
  try {
    const step = measureStep(request.meter, strategy, request);
    f({ strategy, step });
    return step.peakBytes;
  } finally {
    strategy.dispose();
  }
}

function profile(request: BalanceRequest): MemoryModel {
  const { meter, network } = request;
  const units = withRecompute(request.recompute ?? 'none', () => profileUnits(meter, network, request));
  const sites = sitesOf(request);
  let model: MemoryModel;
  measureCuts(request, sites, (finest) => (model = memoryModel(units, sites, finest)));
  return model!;
}

/** The units after which the method can be cut: all, unless it refuses some, whose features its nets cannot read. */
function sitesOf({ network, build }: BalanceRequest): Cuts {
  const refusal = (cuts: Cuts): UserError | undefined => {
    try {
      withoutDrawing(() => build(namesOf(network, cuts)).dispose());
      return undefined;
    } catch (error) {
      if (error instanceof UserError) return error;
      throw error;
    }
  };
  const all = everyUnit(network);
  const reason = refusal(all);
  if (reason === undefined) return all;
  const sites = all.reduce<Cuts>((some, site) => {
    const more = [...some, site];
    return refusal(more) === undefined ? more : some;
  }, []);
  // What is refused wherever it is cut is not a matter of the place.
  if (sites.length === 0) throw reason;
  return sites;
}

/** As many blocks of sites that differ in length by at most one. */
function evenSites(sites: Cuts, blocks: number): Cuts {
  return evenEnds(sites.length + 1, blocks).map((end) => sites[end]!);
}
