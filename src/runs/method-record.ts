import { tradeOf } from '../measure/trade.js';
import type { MethodResult } from './seeds.js';
import { evaluatedInWords } from './summary.js';

/** A method's figures for programs: plain numbers, accuracies and overheads 0…1, undefined where there is none. */
export function methodRecord(each: MethodResult, reference: MethodResult | undefined) {
  const { parameters, multiplyAdds } = each;
  const trade = reference === undefined ? undefined : tradeOf(each, reference);
  return {
    ...{ method: each.method, label: each.label, blocks: each.blocks, seeds: each.seeds },
    evaluatedOn: evaluatedInWords(each),
    accuracy: each.accuracy.mean,
    accuracyDeviation: each.accuracy.deviation,
    accuracyMinusBp: reference && each.accuracy.mean - reference.accuracy.mean,
    ...{ bestAccuracy: each.bestAccuracy?.mean, bestAccuracyDeviation: each.bestAccuracy?.deviation },
    bestEpochs: each.bestEpochs,
    ...{ memoryMeter: each.memoryMeter, peakMemoryBytes: each.peakMemoryBytes },
    memoryTimesBp: trade?.memoryTimesBp,
    ...{ imagesPerSecond: each.imagesPerSecond, seconds: each.time.mean },
    badImages: each.badFiles,
    ...{ recompute: each.recompute, batchSize: each.batchSize },
    ...{ top5: each.top5?.mean, top5Deviation: each.top5?.deviation },
    ...{ bestTop5: each.bestTop5?.mean, bestTop5Deviation: each.bestTop5?.deviation },
    ...Object.fromEntries(Object.entries(each.metrics).map(([name, { mean }]) => [`metric:${name}`, mean])),
    peakMemoryDeviation: each.peakMemory.deviation,
    ...{
      reservedMemoryBytes: each.reservedMemory.mean,
      reservedMemoryDeviation: each.reservedMemory.deviation,
    },
    ...{ imagesPerSecondDeviation: each.rate.deviation, secondsDeviation: each.time.deviation },
    ...{ secondsPerEpoch: each.epochTime.mean, secondsPerEpochDeviation: each.epochTime.deviation },
    timeOverhead: trade?.timeOverhead,
    parametersNetwork: parameters?.network,
    parametersAuxiliary: parameters?.auxiliary,
    parametersInference: parameters?.inference,
    multiplyAddsImages: multiplyAdds?.images,
    multiplyAddsNetwork: multiplyAdds?.network,
    multiplyAddsAuxiliary: multiplyAdds?.auxiliary,
    multiplyAddsOverhead: trade?.multiplyAddsOverhead,
  };
}
