/**
 * The public API: build a network, cut it into blocks, pick or write a strategy, train, read the results.
 *
 * @module locallearn
 */

/// <reference types="node" preserve="true" />

// core: errors, choices by name, tables of text.
export type {
  Choice,
  Chosen,
  ChosenInputOf,
  ChosenOf,
  Define,
  Fields,
  OptionsSchema,
} from './core/choice.js';
export { UserError } from './core/errors.js';
export type { FormerNames } from './core/former-names.js';
export type { RandomStream } from './core/random.js';
export { textTable, type Table } from './core/table.js';
/** Options of methods and plugins are zod schemas. */
export { z } from 'zod';

// formats: files that other programs read too.
export type { Encoded } from './formats/protobuf.js';
export {
  readSafetensors,
  writeSafetensors,
  type SafeTensor,
  type SafeTensorFile,
  type SafeTensorValues,
} from './formats/safetensors.js';

// engine: what computes, and how much memory it takes.
export { detach, isDetached } from './engine/detached.js';
export type { ChosenRecompute, Recompute } from './engine/recompute-choices.js';
export type { Capture, CapturedStep, SegmentInputs, StepCapture } from './engine/capture.js';
export { engineNames, type Engine, type EngineName, type MemoryMeter } from './engine/engine.js';
export type { Precision } from './engine/precision.js';
export {
  evaluationMode,
  frozenMode,
  trainingMode,
  type AdamWSettings,
  type Mode,
  type SgdSettings,
} from './engine/fused/ops.js';
export { probeEngines, type EngineReport } from './engine/probe.js';
export { selectEngine } from './engine/select.js';

// nn: layers, and parameters by PyTorch's names.
export { dropout } from './nn/dropout.js';
export {
  forwardThrough,
  pureLayer,
  sequential,
  trainableVariables,
  type Counter,
  type Layer,
} from './nn/layer.js';
export { batchNorm } from './nn/batch-norm.js';
export {
  conv,
  convBatchNorm,
  flatten,
  globalAveragePool,
  linear,
  relu,
  type ConvBatchNorm,
  type ConvNormNames,
  type ConvOptions,
  type LinearOptions,
} from './nn/layers.js';
export {
  childScope,
  constant,
  createParameter,
  normal,
  roleOf,
  rootScope,
  setFromTorch,
  toTorch,
  uniform,
  type InitialValues,
  type Initializer,
  type Parameter,
  type ParameterRole,
  type Scope,
  type TorchTensor,
} from './nn/parameters.js';
export type { MaxPooling } from './engine/fused/max-pool.js';
export { maxPool, type MaxPoolOptions } from './nn/pooling.js';
export { encoderUnit, layerNorm, type EncoderOptions } from './nn/transformer.js';

// networks: ordered units and a head.
export { buildNetwork } from './networks/build.js';
export { networkWeights } from './networks/export.js';
export { loadWeights, type LoadOptions } from './networks/import.js';
export {
  createUnit,
  defineNetwork,
  disposeNetwork,
  networkCounters,
  networkForward,
  networkState,
  unitsForward,
  type UnitOptions,
  type ContextNet,
  type MapShape,
  type Network,
  type NetworkBuilder,
  type NetworkInputs,
  type NetworkKind,
  type Unit,
  type UnitInputs,
} from './networks/network.js';
export { onnxModel, type OnnxOptions } from './networks/onnx/export.js';
export { networkOptionsSchema, type NetworkOptions, type NetworkOptionsInput } from './networks/options.js';
export { resnetCifar, type ResnetCifarOptions } from './networks/resnet-cifar.js';
export { resnetImagenet, resnextImagenet, type ImagenetLayers } from './networks/resnet-imagenet.js';
export { vgg, type VggOptions } from './networks/vgg.js';
export { vit, type VitOptions } from './networks/vit.js';

// data: images and labels.
export type {
  Augmentation,
  BadImage,
  ByteSplit,
  ColorJitter,
  Colour,
  Cutout,
  Dataset,
  FileSplit,
  ImageBatch,
  MemorySplit,
  OnBadImage,
  PaddedCrop,
  PixelValues,
  RandAugment,
  ResizedCrop,
  Split,
} from './data/dataset.js';
export type { PackedBytes, PathList } from './data/files/path-list.js';
export { openLoader, type LoadedDataset, type Loader, type LoaderOptions } from './data/loader/loader.js';
export type { Share } from './data/loader/share.js';
export { emptySplit } from './data/split.js';
export type { ScanProgress } from './data/files/scan.js';
export type { DataIdentity } from './data/identity.js';
export type { DataOptions, DataOptionsInput } from './data/options.js';
export { describeDataset, loadDataset } from './data/registry.js';
export {
  defineDataset,
  type DatasetKind,
  type DatasetShape,
  type DatasetSource,
  type ReadRequest,
  type SourceData,
} from './data/kind.js';
export { datasetFromArrays, type DatasetArrays, type ImageArrays } from './data/from-arrays.js';

// local: blocks, what they minimise, how features travel, and strategies of these.
export type { Choices } from './local/axes/axes.js';
export { defineAuxiliary, type AuxiliaryNet } from './local/axes/auxiliary/auxiliary.js';
export { convolutionalNet, type ConvolutionalWidths } from './local/axes/auxiliary/convolutional.js';
export { dglNet } from './local/axes/auxiliary/dgl.js';
export { dglManPlusNet } from './local/axes/auxiliary/dgl-man-plus.js';
export { imagenetNet } from './local/axes/auxiliary/imagenet.js';
export { pooledLinear } from './local/axes/auxiliary/pooled.js';
export { sampledUnits, type SampledOptions } from './local/axes/auxiliary/sampled.js';
export { defineBridge, type Bridge, type BridgeBuilder } from './local/axes/bridge/bridge.js';
export { momentumBridge } from './local/axes/bridge/momentum.js';
export type { MomentumStart } from './local/axes/bridge/momentum-net.js';
export { scaledMomentumBridge } from './local/axes/bridge/scaled-momentum.js';
export { contextModes, type ContextMode, type ContextOptions } from './local/axes/context/context.js';
export { convolutionalDecoder } from './local/axes/decoder/convolutional.js';
export type { Decoder } from './local/axes/decoder/decoder.js';
export { hpffImagenetDecoder } from './local/axes/decoder/hpff-imagenet.js';
export { manImagenetDecoder } from './local/axes/decoder/man-imagenet.js';
export type { Fusion } from './local/axes/fusion/fusion.js';
export { binaryCrossEntropy } from './local/axes/loss/binary-cross-entropy.js';
export { classification, labels, type LabelLoss } from './local/axes/loss/classification.js';
export { supervisedContrast } from './local/axes/loss/contrast.js';
export { crossEntropy } from './local/axes/loss/cross-entropy.js';
export { defineLoss, type AttachedLoss, type LocalLoss, type LossParts } from './local/axes/loss/loss.js';
export { reconstruction } from './local/axes/loss/reconstruction.js';
export { similarity } from './local/axes/loss/similarity.js';
export { weighted, type WeightedLoss } from './local/axes/loss/weighted.js';
export { cascadePath, type CascadeBridge, type CascadeOptions } from './local/axes/path/cascade.js';
export { independentPath } from './local/axes/path/independent.js';
export { definePath, type Path, type PathBuilder, type PathParts } from './local/axes/path/path.js';
export { createBatch, type Batch, type BatchSources, type Mixing } from './local/batch.js';
export type { Normalization } from './local/normalization.js';
export { blockForward, cutIntoBlocks, headLoss, type Block } from './local/block.js';
export { buildStrategy, type Methods } from './local/build.js';
export type { Classifier } from './local/classifier.js';
export { composeStrategy, type Axes, type StrategyParts } from './local/compose.js';
export { defineMethod, type ConfiguredMethod, type Method } from './local/method.js';
export type { MethodName, NamedOptions, StrategyOptions, StrategyOptionsInput } from './local/options.js';
export { cutsAfter, evenCuts, everyUnit, type Cuts } from './local/partition/partition.js';
export type { BlockWeights, LossWeight } from './local/loss-weights.js';
export type { Site } from './local/site.js';
export { inPrecision, recomputing, type Strategy } from './local/strategy.js';
export type { Across, Apart, LentBlock, LocalUpdate, Streams, UpdateResult } from './local/update.js';

// train: the step, the optimiser, whole trainings, evaluation.
export { adamw, type AdamWOptions } from './train/adamw.js';
export type { Clip } from './train/clip.js';
export type { NoDecay } from './train/decay.js';
export { Diverged } from './train/diverged.js';
export type { ByClass } from './train/by-class.js';
export { capturedEvaluation, type CapturedEvaluation } from './train/captured-evaluation.js';
export { evaluate, type EvaluateOptions, type Evaluation } from './train/evaluate.js';
export type { EpochMetrics, StepMetrics, TrainEvent, TrainResult } from './train/events.js';
export type { RankUse } from './train/rank-use.js';
export type { Kept, KeptOfVariable } from './train/kept.js';
export type { TrainSection, TrainSectionInput } from './train/options.js';
export type { LoggedRun, LoggerKind, RunEnd, RunLogger } from './config/run-logger.js';
export { defineOptimizer, type OptimizerKind, type Optimizer, type StateKind } from './train/optimizer.js';
export type { TrainSettingsInput } from './train/optimizers.js';
export { papersSgd, sgd, type SgdOptions } from './train/sgd.js';
export type { AddUp } from './train/over-ranks.js';
export type { ProcessGroup, WireType } from './distributed/process-group.js';
export type { BlockGroup } from './runs/block-ranks.js';
export type { BlockParallel } from './config/parallel.js';
export type { TrainState } from './train/state.js';
export {
  defineSchedule,
  type Moment,
  type PlainSchedule,
  type Schedule,
  type ScheduleKind,
} from './train/schedules.js';
export type { MetricKind, MetricTally } from './train/metric.js';
export { capturedSteps, type CapturedSteps, type StepUnderWay } from './train/captured-steps.js';
export type { ComputedUpdate, ComputeUpdate } from './train/run-update.js';
export type { Gradients } from './train/gradients.js';
export {
  planSteps,
  trainStep,
  type PlannedUpdate,
  type StepPlan,
  type StepResult,
  type UpdateRecipe,
} from './train/step.js';
export { averageWeights, type WeightAverage } from './train/weight-average.js';
export type { TrainContext, TrainOptions } from './train/context.js';
export { train } from './train/trainer.js';

// config: what a file decides, and what plugins add to it.
export { configDocument, loadConfig, parseConfig, type Config, type LoadedConfig } from './config/config.js';
export type { MethodConfig } from './config/method-config.js';
export type { StartedNetwork, StartWeights } from './config/start-weights.js';
export { definePlugin, type Plugin } from './config/plugin.js';
export { loadPlugins, type LoadedPlugin, type PluginRequest } from './config/plugins.js';
export { builtInRegistry, registryWith, type PluginSource, type Registry } from './config/registry.js';

// measure: the memory of a training step.
export { balanceCuts, type BalancedCuts, type BalanceRequest } from './measure/memory/balance.js';
export {
  measureStep,
  type BatchShape,
  type StepMemory,
  type UpdateMemory,
} from './measure/memory/measure.js';

// runs: experiments on disk.
export { checkpointsOf, listCheckpoints, type CheckpointPosition } from './formats/checkpoint-names.js';
export { readCheckpoint, type Checkpoint } from './runs/checkpoint/file.js';
export { bestEpoch } from './runs/best-epoch.js';
export { newestCheckpoint } from './runs/checkpoint/store.js';
export { compare, type CompareOptions, type Comparison } from './runs/compare.js';
export { openExperiment, type Experiment } from './runs/experiment.js';
export { exportRun } from './runs/export.js';
export type { RunConfig } from './runs/folder.js';
export { readMetrics } from './runs/metrics.js';
export { readSteps } from './runs/steps.js';
export type { ImageReading, NetworkUse } from './runs/network-use.js';
export type { FailedRun } from './runs/outcome.js';
export { finishedResult, readRunConfig, resumeRun } from './runs/resume.js';
export type { ObservedRun, RunObserver, RunPlace } from './runs/observer.js';
export { runExperiment, type FinishedRun, type RunOptions } from './runs/run.js';
export {
  readComparison,
  readRunSummary,
  type ComparedRun,
  type RunRanks,
  type RunResult,
  type RunSummary,
} from './runs/summary.js';
export { resultTable } from './runs/table.js';
export { loadTrainedNetwork, type TrainedNetwork } from './runs/trained-network.js';
export type { WhichWeights } from './runs/which-weights.js';

// study: what trained blocks have learned.
export { compareUnits, type UnitSimilarities } from './study/compare-units.js';
export type { Prediction } from './study/predict-files.js';
export { predictImages } from './study/predict-images.js';
export { readProbe, type ProbeReport } from './study/probe-file.js';
export { probeUnits, type ProbeOptions, type ProbeProgress, type UnitProbes } from './study/probe-units.js';
export { readSimilarities, type SimilarityReport } from './study/similarity-file.js';

export * from './former-exports.js';
