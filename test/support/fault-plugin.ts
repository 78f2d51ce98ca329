// A plugin for tests of ranks: a tiny network and data set, and faults at exact moments of one rank, by its environment.
// FAULT="1 test 2 SIGKILL": rank 1 gets the signal in its second pass through a unit in evaluation (or `train`; or
// `checkpoint`: before a checkpoint's second file is there). SLOW=1: rank 1 takes its time. Only in a first attempt.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import {
  childScope,
  conv,
  createUnit,
  datasetFromArrays,
  defineDataset,
  defineNetwork,
  definePlugin,
  globalAveragePool,
  linear,
  pureLayer,
  rootScope,
  sequential,
  z,
  type Layer,
  type Scope,
} from 'locallearn';

let passes = 0;
/** The environment is a command's: of several that a process runs each has its own. */
function pass(what: string): void {
  const { RANK, FAULT = '', TORCHELASTIC_RESTART_COUNT = '0' } = process.env;
  const [rank, moment, count, signal] = FAULT.split(' ');
  if (rank !== RANK || moment !== what || TORCHELASTIC_RESTART_COUNT !== '0') return;
  if (++passes === Number(count)) process.kill(process.pid, signal);
}

const { renameSync } = fs;
fs.renameSync = (from, to) => {
  if (/checkpoints.*\.json$/.test(String(to))) pass('checkpoint');
  renameSync(from, to);
};
syncBuiltinESMExports();

function watched(layer: Layer): Layer {
  return {
    ...layer,
    forward(x, mode) {
      pass(mode.training ? 'train' : 'test');
      const { RANK, SLOW } = process.env;
      const end = performance.now() + (SLOW !== undefined && SLOW === RANK ? 20 : 0);
      while (performance.now() < end);
      return layer.forward(x, mode);
    },
  };
}

const width = 4;
const side = 8;
const classes = ['dark', 'bright'];

function block(scope: Scope, inChannels: number): Layer {
  const shape = { inChannels, outChannels: width, kernel: 3, stride: 1, padding: 1, bias: true };
  return sequential([conv(childScope(scope, 'conv'), shape), pureLayer((x) => x.relu())]);
}

const tiny = defineNetwork({
  name: 'tiny',
  options: z.strictObject({}),
  build: () => (inputs) => {
    passes = 0;
    const root = rootScope(inputs.seed);
    const units = [0, 1, 2, 3].map((index) =>
      createUnit(
        {
          ...{
            name: `unit${index}`,
            stage: 0,
            index,
            output: { height: side, width: side, channels: width },
          },
          build: (scope) => watched(block(scope, index === 0 ? 1 : width)),
        },
        childScope(root, `unit${index}`),
      ),
    );
    return {
      ...{ name: 'tiny', ...inputs, units },
      head: sequential([
        globalAveragePool,
        linear(childScope(root, 'head'), { inputs: width, outputs: inputs.classes }),
      ]),
      buildUnit: (scope, { inChannels }) => block(scope, inChannels),
    };
  },
});

function images(size: number): { images: Uint8Array; labels: number[] } {
  const labels = Array.from({ length: size }, (_, i) => i % classes.length);
  const pixels = Uint8Array.from(
    { length: size * side * side },
    (_, i) => labels[Math.floor(i / side ** 2)]! * 100 + ((i * 7919) % 97),
  );
  return { images: pixels, labels };
}

const dots = defineDataset({
  name: 'dots',
  options: z.strictObject({}),
  build: () => ({
    read: () =>
      datasetFromArrays({
        ...{ name: 'dots', classes, imageShape: [side, side, 1], mean: [0.4], std: [0.3] },
        train: images(48),
        test: images(16),
      }),
  }),
});

export const plugin = definePlugin({ networks: [tiny], datasets: [dots] });
