/** The public API: build a network, cut it into blocks, pick or write a strategy, train, read the results. */
export { UserError } from './errors.js';

export { selectEngine, probeEngines, type EngineReport } from './engine/select.js';
export { engineNames, type Engine, type EngineName, type MemoryMeter } from './engine/engine.js';
export { detach, isDetached } from './engine/detached.js';
export { evaluationMode, frozenMode, trainingMode, type Mode } from './engine/fused/ops.js';

export { forwardThrough, pureLayer, sequential, trainableVariables, type Layer } from './nn/layer.js';
export { batchNorm, conv, convBatchNorm, flatten, globalAveragePool, linear, relu } from './nn/layers.js';
export {
  childScope,
  createParameter,
  rootScope,
  setFromTorch,
  toTorch,
  type Parameter,
  type Scope,
} from './nn/parameters.js';
export { readSafetensors, writeSafetensors, type SafeTensor } from './nn/safetensors.js';

export { resnetCifar } from './networks/resnet-cifar.js';
export { disposeNetwork, networkForward, networkState, type Network, type Unit } from './networks/network.js';

export type { Dataset, Split } from './data/dataset.js';
export { loadDataset } from './data/registry.js';

export { createBatch, type Batch } from './local/batch.js';
export { blockForward, cutIntoBlocks, headLoss, type Block } from './local/block.js';
export { buildStrategy } from './local/presets.js';
export type { Method, StrategyOptionsInput } from './local/options.js';
export { composeStrategy, type StrategyParts } from './local/compose.js';
export type { AuxiliaryNet } from './local/auxiliary/auxiliary.js';
export { convolutionalHead } from './local/auxiliary/convolutional.js';
export { dglNet } from './local/auxiliary/dgl.js';
export { pooledLinear } from './local/auxiliary/pooled.js';
export { sampledUnits } from './local/auxiliary/sampled.js';
export { momentumBridge, type BridgeBuilder } from './local/bridge.js';
export type { Fusion } from './local/fusion.js';
export { labels, reconstruction, similarity, weighted, type LocalLoss } from './local/local-loss.js';
export { binaryCrossEntropy, crossEntropy, supervisedContrast } from './local/losses.js';
export { cutsAfter, evenCuts, everyUnit, type Cuts } from './local/partition.js';
export { cascadePath } from './local/paths/cascade.js';
export { independentPath } from './local/paths/independent.js';
export type { Site } from './local/site.js';
export type { Strategy } from './local/strategy.js';
export type { LocalUpdate, Streams, UpdateResult } from './local/update.js';

export { train, type TrainOptions } from './train/trainer.js';
export type { EpochMetrics, TrainEvent, TrainResult } from './train/events.js';
export { evaluate } from './train/evaluate.js';
export { sgd, type Optimizer } from './train/sgd.js';
export { planSteps, trainStep } from './train/step.js';

export { loadConfig, parseConfig, type Config } from './experiment/config.js';
export { openExperiment, runExperiment } from './experiment/run.js';
export { compare } from './experiment/compare.js';
export { resultTable, textTable } from './experiment/table.js';
export { readMetrics } from './experiment/metrics-file.js';
export { readComparison, readRunSummary } from './experiment/summary.js';
