/**
 * A sentence on each key of a config, for editors that show it: what it is, in which unit, what holds where it is left
 * out. They stand together, and not with the schemas, as many schemas have a key in common. A key is told apart from
 * its namesakes by what it lies in, names of choices among it: `resnet.layers`, `train.ema.decay`.
 */
export const keyDescriptions: Readonly<Record<string, string>> = {
  extends: 'Config files that this one adds to: a path or a list, relative to this file; later ones win.',
  name: 'Part of the names of run folders; letters, digits, ".", "_" and "-".',
  seed: 'Of all random numbers of a run. Default: 1.',
  seeds: 'Seeds that compare trains every method with, in place of seed.',
  engine: 'What computes. Default: auto, the fastest that is there.',
  plugins: 'Files of code that add networks, data sets, methods and more, relative to this file.',
  'plugins.path': 'A .ts, .mts, .js or .mjs file, relative to this one.',
  sha256: 'SHA-256 that the file must have, in hexadecimal.',
  method: 'The method to train with; compare trains its baselines beside it.',
  methods: 'Methods to compare, each with a label of its own.',
  'method.method': 'The name of the method; what else it takes follows from it.',
  baselines: 'What compare trains beside the methods: names of baselines, or none. Default: bp.',

  data: 'The images and labels.',
  'data.name': 'The data set; what else it takes follows from it.',
  dir: "The data set's folder. Default: datasets/<name>, where it has one.",
  'csv.dir': "Where the list's relative paths begin. Default: its own folder.",
  file: 'A list of images, path,label[,split].',
  extra: "Whether SVHN's 531,131 extra images are trained on too.",
  image: 'The column of images: bytes of image files, or structs with bytes. Default: image.',
  'parquet.label': 'The column of labels: whole numbers or text. Default: label.',
  imageSize: 'Pixels that images are brought to: a side, or [height, width]. Default: 224.',
  background: 'Behind transparent parts: [red, green, blue], 0 to 255. Default: white.',
  channels: '3: red, green and blue; 1: grey. Default: 3.',
  mean: "Per channel, of pixel values scaled to 0…1. Default: ImageNet's.",
  std: "Per channel, of pixel values scaled to 0…1. Default: ImageNet's.",
  evaluateOn: 'Which split to evaluate on, where both are there.',
  trainImages: 'How many training images to take, each class with an equal share. Default: all.',
  testImages: 'How many images to evaluate on, each class with an equal share. Default: all.',
  validation: 'Share of the training images, 0 to 1, held out and evaluated on in place of the test split.',
  onBadImage: 'What becomes of an image file that cannot be decoded. Default: fail.',
  augmentation: "What takes the place of parts of the data set's own augmentation.",
  crop: "How training images are cropped. Default: the data set's.",
  kind: 'padded: a border, then a crop back; resized: a part of the image, resized.',
  pad: 'Pixels at each border; 0 for no crop.',
  padMode: 'What the border shows. Default: reflect.',
  scale: "Least and greatest share of the image's area. Default: [0.08, 1].",
  ratio: 'Least and greatest width over height. Default: [0.75, 1.333…].',
  flip: "Whether half of the training images are mirrored left to right. Default: the data set's.",
  colorJitter: "Random changes of colour, as torchvision's ColorJitter.",
  brightness: 'A factor is drawn from 1 − this to 1 + this. Default: 0.',
  contrast: 'A factor is drawn from 1 − this to 1 + this. Default: 0.',
  saturation: 'A factor is drawn from 1 − this to 1 + this. Default: 0.',
  hue: 'Turns of the colour circle, drawn from −this to this; at most 0.5. Default: 0.',
  randAugment: 'RandAugment (Cubuk et al. 2020).',
  operations: 'Operations an image. Default: 2.',
  magnitude: 'What each operation does at most, 0 to 30. Default: 9.',
  cutout: 'A square of the mean colour (DeVries & Taylor 2017).',
  size: "The square's side, in pixels of the image as the network gets it.",

  network: 'The network to train.',
  'network.name': 'The network; what else it takes follows from it.',
  'resnet.layers': 'Layers of a CIFAR ResNet: 8, 14, 20, … 110.',
  'resnet-imagenet.layers': "Layers, as torchvision's ResNets have them.",
  'resnext-imagenet.layers': 'Layers. Default: 101.',
  'vgg.layers': 'Layers of VGG with batch normalisation: 13 or 19.',
  'vgg.head': "What classifies at the end: torchvision's three layers for 224 pixels, or a pooled one.",
  patchSize: 'Side of a patch in pixels, which must divide height and width. Default: 4.',
  'vit.layers': 'Of the encoder. Default: 6.',
  width: 'Numbers a token. Default: 192.',
  heads: 'Attention heads, which must divide the width. Default: 3.',
  mlpWidth: "Width of each unit's hidden layer. Default: four times the width.",
  weights:
    'Weights that the network starts with, in place of drawn ones: a safetensors file, or the folder of a run.',
  'weights.file': 'A safetensors file, or the folder of a run; relative to this file.',
  'weights.head': "new: the file's head is not read, as for another number of classes.",

  train: 'How the network is trained.',
  epochs: 'Times that all training images are seen.',
  batchSize: 'Images a step.',
  accumulate: 'Micro-batches that a batch is cut into, run one after another: less memory for the same step.',
  lastBatch: 'Images that do not fill the last batch of an epoch: a short batch, or left out. Default: keep.',
  learningRate: 'The peak of the schedule.',
  momentum: "SGD's momentum. Default: 0.9.",
  nesterov: "Whether the momentum is Nesterov's. Default: true.",
  weightDecay: 'Added to the gradient, times the weight. Default: 1e-4.',
  'adamw.weightDecay': 'Decoupled weight decay. Default: 0.01.',
  noDecay: 'What weight decay leaves out: biases of layers, normalisations. Default: nothing.',
  optimizerState: 'How the optimiser keeps its tensors; bf16 takes half of the memory. Default: float32.',
  syncBatchNorm:
    'Where ranks share every batch, whether batch normalisation takes the statistics of the whole batch. Default: false.',
  precision: 'What feature maps are held in; bf16 takes half of the memory. Default: float32.',
  optimizer: "An optimiser in place of SGD with this section's momentum, nesterov and weightDecay.",
  'optimizer.name': 'The optimiser; what else it takes follows from it.',
  betas: 'Decays of the averages of gradients and of their squares. Default: [0.9, 0.999].',
  epsilon: "Added to the root of the squares' average. Default: 1e-8.",
  schedule: 'How the learning rate goes, by name or with options. Default: cosine.',
  'schedule.name': 'The schedule; what else it takes follows from it.',
  rise: 'Share of all steps in which the rate rises to its peak. Default: 0.3.',
  divide: 'The first rate is the peak divided by this. Default: 25.',
  divideLast: 'The last rate is the first divided by this. Default: 10,000.',
  curve: 'How the rate rises and falls. Default: cosine.',
  at: 'Epochs after each of which the rate falls, in rising order.',
  factor: 'What the rate is multiplied by each time. Default: 0.1.',
  from: 'Share of the peak that the rate begins with. Default: 1.',
  to: 'Share of the peak that the rate ends with. Default: 0.',
  over: 'Epochs that this takes. Default: all.',
  warmupEpochs: "Epochs over which the rate rises to the schedule's. Default: 0.",
  augment: 'Whether training images are varied at random. Default: true.',
  mixup: 'α of mixup (Zhang et al. 2018); 0: none. Default: 0.',
  labelSmoothing: 'ε of smoothed labels (Szegedy et al. 2016), 0 to 1. Default: none.',
  clip: "How each update's gradients are kept small. Default: not at all.",
  norm: "The most that the norm of an update's gradients may be.",
  value: 'The most that each number of a gradient may be, either way.',
  rateFactors: "Factors of the learning rate by updates' names. Default: 1.",
  ema: 'Evaluates with moving averages of the weights. Default: not.',
  decay: 'Of the averages, a step: decay · average + (1 − decay) · weight.',
  earlyStopping: 'Ends a run whose accuracy, on the split evaluated on, rises no more. Default: not.',
  patience: 'Epochs without a rise.',
  minDelta: 'Accuracy, 0 to 1, by which it must have risen. Default: 0.',
  logEvery:
    'Steps of the run between rows of steps.csv: losses and learning rate of single steps. Default: none.',
  captureSteps:
    'Whether steps, and batches that are evaluated, are captured, and made again without JavaScript. Default: where no plugin computes any of one.',
  workers: 'Threads that prepare batches; 0: none but the main one. Default: 1.',
  keep: 'Newest checkpoints that a run folder keeps, beside that of the best epoch. Default: 2.',
  init: 'Begins with the whole training state of another run: its folder, or one of its checkpoints.',
  'init.from': "A run's folder, or a checkpoint's .json; relative to this file.",

  parallel: 'How ranks share a training: data, each a share of every batch; or by blocks, or both.',
  'parallel.blocks': 'Ranks that the blocks are spread over, each with a run of neighbours.',
  'parallel.data':
    'How many times over: ranks with the same blocks have a share of every batch each. Default: 1.',
  queue: 'Batches that may be on their way from one rank to the next. Default: 2.',
  'parallel.transport':
    'What features travel as: bf16 halves their bytes, and rounds them. Default: as they are held.',
  'parallel.cuts':
    'The last block of each rank but the last, counted from 1. Default: balanced, by measured times.',

  label: 'What tables call the method. Default: its name.',
  recompute:
    'What backward passes make again in place of keeping it; the numbers are the same. Default: none.',
  memory: 'With recompute: auto: what a training step may take, in bytes or such as 2GB.',
  blocks: "K: how many blocks the network is cut into. Default: the method's own.",
  cuts: 'Names of the units that end a block, or how to find them, in place of even blocks.',
  joined: 'Whether the last depth + 1 pieces are one block. Default: with the classifier cifar.',
  depth: 'Units of an auxiliary net. Default: 2.',
  pyramid: 'How much shorter the auxiliary nets of later blocks are, 0 to 1.',
  classifier: 'What an auxiliary net ends in.',
  similarity: 'Weight of the similarity at the first and the last auxiliary net.',
  classification:
    'λ2, the weight of the classification: at the first and the last auxiliary net, or one for all.',
  reconstruction:
    'λ1, the weight of the reconstruction: at the first and the last auxiliary net, or one for all.',
  poolWidth: 'Most features that the pooled maps are brought to. Default: 512.',
  auxiliary: "The net that classifies a block's features.",
  stemAuxiliary: "The auxiliary net of the stem's own block. Default: published.",
  featureWidth: "Width of the net's features.",
  widen: "How many times wider the net's linear layers are.",
  loss: 'What each block minimises.',
  'custom.loss': 'A term or a list of terms, each with a weight.',
  'loss.name': 'The term; what else it takes follows from it.',
  'independentLoss.name': 'The loss; what else it takes follows from it.',
  weight: 'Of this term: one for all blocks, or at the first and the last. Default: 1.',
  decoder: 'The net that makes the image again. Default: 2c.',
  decoderWidth: "Channels of the decoder. Default: the decoder's own.",
  ramp: 'How weights run from their first value to their last: over blocks, or over stages of the network.',
  'bridge.momentum': 'm in M ← m·M + (1 − m)·unit, a step. Default: 0.995.',
  'method.momentum': 'm in M ← m·M + (1 − m)·unit, a step. Default: 0.995.',
  momentumStart: 'What a momentum net starts with: draws of its own, or a copy. Default: drawn.',
  momentumUpdates:
    'Which momentum nets are updated: as the published code does it, or every one. Default: published.',
  variant: "Which of MLAAN's two programs it follows. Default: by the network.",
  fusion: 'How the reconstruction is read by patches.',
  'fusion.name': 'The fusion.',
  independentWeight: 'Weight of the losses of blocks by themselves.',
  cascadeWeight: 'Weight of the losses of cascades.',
  independentLoss: 'The loss of blocks by themselves, where it is another.',
  length: 'Blocks of a cascade. Default: 2.',
  path: 'How features and gradients run: each block alone, or in cascades. Default: independent.',
  'path.name': 'The path; what else it takes follows from it.',
  bridge: 'What stands between a block and its auxiliary net. Default: none.',
  'bridge.name': 'The bridge; what else it takes follows from it.',
  'custom.auxiliary': "The auxiliary net, which reads a block's features. Default: 1c2f.",
  'auxiliary.name': 'The auxiliary net; what else it takes follows from it.',
  context:
    'What each block reads beside the features of the block before: E the image, R1 … R16 inputs of blocks, R0 nothing.',
};

/**
 * A key's sentence: of the nearest thing around it that has one on it, else of its name.
 *
 * @param path of keys, with the names of choices among them
 */
export function descriptionOf(path: readonly string[]): string | undefined {
  const key = path.at(-1)!;
  // One of a list of methods is a method.
  const around = path
    .slice(0, -1)
    .map((each) => (each === 'methods' ? 'method' : each))
    .toReversed();
  const nearest = around.map((each) => `${each}.${key}`).find((each) => Object.hasOwn(keyDescriptions, each));
  return keyDescriptions[nearest ?? key];
}
