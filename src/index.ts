/** The public API: build a network, cut it into blocks, pick or write a strategy, train, read the results. */
export { UserError } from './core/errors.js';
/** Options of methods and plugins are zod schemas. */
export { z } from 'zod';

export { selectEngine, probeEngines, type EngineReport } from './engine/select.js';
export { engineNames, type Engine, type EngineName, type MemoryMeter } from './engine/engine.js';
export { detach, isDetached } from './engine/detached.js';
export { evaluationMode, frozenMode, trainingMode, type Mode } from './engine/fused/ops.js';

export { dropout } from './nn/dropout.js';
export {
  forwardThrough,
  pureLayer,
  sequential,
  trainableVariables,
  type Counter,
  type Layer,
} from './nn/layer.js';
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
export { maxPool } from './nn/pooling.js';
export { encoderBlock, layerNorm } from './nn/transformer.js';
export { readSafetensors, writeSafetensors, type SafeTensor } from './formats/safetensors.js';

export { buildNetwork } from './networks/build.js';
export { networkWeights } from './networks/export.js';
export { loadWeights } from './networks/import.js';
export { onnxModel, type OnnxOptions } from './networks/onnx/export.js';
export {
  createUnit,
  defineNetwork,
  disposeNetwork,
  networkCounters,
  networkForward,
  networkState,
  unitsForward,
  type BlockOptions,
  type MapShape,
  type Network,
  type NetworkBuilder,
  type NetworkInputs,
  type NetworkKind,
  type Unit,
} from './networks/network.js';
export { networkOptionsSchema, type NetworkOptions, type NetworkOptionsInput } from './networks/options.js';
export { resnetCifar } from './networks/resnet-cifar.js';
export { resnetImagenet, resnextImagenet } from './networks/resnet-imagenet.js';
export { vgg } from './networks/vgg.js';
export { vit } from './networks/vit.js';

export type { Dataset, Split } from './data/dataset.js';
export { datasetFromArrays, type DatasetArrays, type ImageArrays } from './data/from-arrays.js';
export { describeDataset, loadDataset } from './data/registry.js';
export type { DataOptionsInput } from './data/options.js';
export {
  defineDataset,
  type DatasetKind,
  type DatasetShape,
  type DatasetSource,
  type ReadRequest,
  type SourceData,
} from './data/kind.js';

export { createBatch, type Batch } from './local/batch.js';
export { blockForward, cutIntoBlocks, headLoss, type Block } from './local/block.js';
export { builtInRegistry, registryWith, type PluginSource, type Registry } from './config/registry.js';
export { buildStrategy } from './local/build.js';
export type { MethodName, NamedOptions, StrategyOptionsInput } from './local/options.js';
export { defineMethod, type Method } from './local/method.js';
export { defineAuxiliary } from './local/axes/auxiliary/auxiliary.js';
export { type Choices } from './local/axes/axes.js';
export { defineBridge } from './local/axes/bridge/bridge.js';
export type { Choice, Chosen, OptionsSchema } from './core/choice.js';
export { defineLoss } from './local/axes/loss/loss.js';
export { definePath } from './local/axes/path/path.js';
export { definePlugin, type Plugin } from './config/plugin.js';
export { composeStrategy, type StrategyParts } from './local/compose.js';
export type { AuxiliaryNet } from './local/axes/auxiliary/auxiliary.js';
export { convolutionalHead } from './local/axes/auxiliary/convolutional.js';
export { dglNet } from './local/axes/auxiliary/dgl.js';
export { pooledLinear } from './local/axes/auxiliary/pooled.js';
export { sampledUnits } from './local/axes/auxiliary/sampled.js';
export { imagenetHead } from './local/axes/auxiliary/imagenet-head.js';
export { convolutionalDecoder } from './local/axes/decoder/convolutional.js';
export { type Decoder } from './local/axes/decoder/decoder.js';
export { hpffImagenetDecoder } from './local/axes/decoder/hpff-imagenet.js';
export { manImagenetDecoder } from './local/axes/decoder/man-imagenet.js';
export { type Bridge, type BridgeBuilder } from './local/axes/bridge/bridge.js';
export type { MomentumStart } from './local/axes/bridge/momentum-net.js';
export { momentumBridge } from './local/axes/bridge/momentum.js';
export { scalingBridge } from './local/axes/bridge/scaling.js';
export { imageContext, type ContextNet } from './local/axes/context/context.js';
export type { Fusion } from './local/axes/fusion/fusion.js';
export { classification } from './local/axes/loss/classification.js';
export { labels } from './local/axes/loss/labels.js';
export type { AttachedLoss, LocalLoss, LossParts } from './local/axes/loss/loss.js';
export { reconstruction } from './local/axes/loss/reconstruction.js';
export { similarity } from './local/axes/loss/similarity.js';
export { weighted } from './local/axes/loss/weighted.js';
export { binaryCrossEntropy } from './local/axes/loss/binary-cross-entropy.js';
export { supervisedContrast } from './local/axes/loss/contrast.js';
export { crossEntropy } from './local/axes/loss/cross-entropy.js';
export { cutsAfter, evenCuts, everyUnit, type Cuts } from './local/partition/partition.js';
export { cascadePath } from './local/axes/path/cascade.js';
export { independentPath } from './local/axes/path/independent.js';
export type { Path, PathBuilder, PathParts } from './local/axes/path/path.js';
export type { Classifier } from './local/classifier.js';
export type { Site } from './local/site.js';
export type { Strategy } from './local/strategy.js';
export type { LocalUpdate, Streams, UpdateResult } from './local/update.js';

export { train, type TrainOptions } from './train/trainer.js';
export type { TrainState } from './train/state.js';
export { Diverged } from './train/diverged.js';
export type { EpochMetrics, TrainEvent, TrainResult } from './train/events.js';
export { evaluate } from './train/evaluate.js';
export { defineOptimizer, type OptimizerKind } from './train/optimizer.js';
export { sgd, type Optimizer } from './train/sgd.js';
export { planSteps, trainStep } from './train/step.js';

export { loadConfig, parseConfig, type Config, type LoadedConfig } from './config/config.js';
export { loadPlugins, type LoadedPlugin, type PluginRequest } from './config/plugins.js';
export { openExperiment } from './runs/experiment.js';
export { runExperiment } from './runs/run.js';
export { finishedResult, readRunConfig, resumeRun } from './runs/resume.js';
export { readCheckpoint, type Checkpoint, type CheckpointPosition } from './runs/checkpoint/file.js';
export { bestEpoch, checkpointsOf, listCheckpoints, newestCheckpoint } from './runs/checkpoint/store.js';
export { compare } from './runs/compare.js';
export { exportRun } from './runs/export.js';
export { loadTrainedNetwork, type TrainedNetwork } from './runs/trained-network.js';
export { balanceCuts, type BalancedCuts, type BalanceRequest } from './measure/memory/balance.js';
export { measureStep, type StepMemory, type UpdateMemory } from './measure/memory/measure.js';
export { textTable } from './core/table.js';
export { resultTable } from './runs/table.js';
export { compareUnits } from './study/compare-units.js';
export { readProbe, type ProbeReport } from './study/probe-file.js';
export { probeUnits, type ProbeOptions } from './study/probe-units.js';
export { readSimilarities, type SimilarityReport } from './study/similarity-file.js';
export { readMetrics } from './runs/metrics.js';
export { readComparison, readRunSummary } from './runs/summary.js';
