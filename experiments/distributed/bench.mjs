// What ranks gain, as ratios of programs that take turns: node experiments/distributed/bench.mjs (`npm run build` first).
// Every program is one that a user starts; its rate is that of its epoch's training, each process has a session of its own,
// as jobs of one shell may share one scheduling group. The medians of `--rounds` turns count. `--only` names some of blocks,
// data, link.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { median } from '../../dist/core/stats.js';
import { readMetrics } from '../../dist/runs/metrics.js';

const { values: args } = parseArgs({
  options: {
    methods: { type: 'string', default: 'auglocal,dgl' },
    depths: { type: 'string', default: '32,110' },
    /** Images of an epoch, by depth. */
    images: { type: 'string', default: '1024,384' },
    batch: { type: 'string', default: '64' },
    /** Its name, and options as YAML has them: `cifar10, dir: /data/cifar10`. */
    data: { type: 'string', default: 'fashion-mnist' },
    rounds: { type: 'string', default: '2' },
    only: { type: 'string', default: 'blocks,data,link' },
  },
});
const list = (text) => text.split(',');
const [batch, rounds] = [args.batch, args.rounds].map(Number);
const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'locallearn-ranks-'));
let runs = 0;

/** A config file of its own. */
function configOf({ method, depth, images, batch: size }) {
  const file = join(work, `config-${++runs}.yaml`);
  const options = method === 'auglocal' ? ', depth: 2' : '';
  writeFileSync(
    file,
    `name: bench
data: { name: ${args.data}, trainImages: ${images}, testImages: 64 }
network: { name: resnet, layers: ${depth} }
train: { epochs: 1, batchSize: ${size}, learningRate: 0.1, schedule: constant, workers: 0, keep: 1 }
method: { method: ${method}${options} }
`,
  );
  return file;
}

/** Settled when a program has ended well. */
function ended(command, environment) {
  return new Promise((resolve, reject) => {
    const [file, ...rest] = command;
    const child = spawn(file, rest, { detached: true, env: { ...process.env, ...environment } });
    let errors = '';
    child.stdout.resume();
    child.stderr.on('data', (text) => (errors += text));
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`${command.join(' ')}: ${errors}`)),
    );
  });
}

/** Images a second of an epoch's training. */
async function rateOf(setting, { threads = 1, more = [], around = [[]], environment = () => ({}) } = {}) {
  const folder = join(work, `run-${++runs}`);
  const command = [
    process.execPath,
    program,
    'train',
    configOf(setting),
    '--quiet',
    '--into',
    folder,
    ...more,
  ];
  await Promise.all(
    around.map((before, rank) =>
      ended([...before, ...command], { OMP_NUM_THREADS: String(threads), ...environment(rank) }),
    ),
  );
  return readMetrics(join(folder, 'metrics.csv')).at(-1).imagesPerSecond;
}

/** Together, of two at once that know nothing of each other. */
const unrelated = async (setting) => {
  const rates = await Promise.all([rateOf(setting), rateOf(setting)]);
  return rates[0] + rates[1];
};

/** The median rate of each contestant, which take turns. */
async function compare(contestants) {
  const rates = Object.fromEntries(Object.keys(contestants).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, rate] of Object.entries(contestants)) rates[name].push(await rate());
  }
  return Object.fromEntries(Object.entries(rates).map(([name, each]) => [name, median(each)]));
}

/** What `memory` measures of each block, and what it makes of BP in stages that wait for each other. */
function forecast(setting) {
  const command = [program, 'memory', configOf(setting), '--ranks', '2', '--json'];
  const env = { ...process.env, OMP_NUM_THREADS: '1' };
  const { stdout, stderr, status } = spawnSync(process.execPath, command, { encoding: 'utf8', env });
  if (status !== 0) throw new Error(stderr);
  const { perRank, bp } = JSON.parse(stdout);
  return { cut: perRank[0].blocks[1], blocks: perRank[1].blocks[1], naive: bp.imagesPerSecond };
}

function tell(what, ratio, target) {
  const goal =
    target === undefined ? '' : `  (target ${target.toFixed(2)}: ${ratio >= target ? 'met' : 'not met'})`;
  console.log(`  ${what.padEnd(62)} ${ratio.toFixed(3)}${goal}`);
}

const titleOf = ({ method, depth, batch: size }) => `${method}, ResNet-${depth}, batch ${size}`;
const perSecond = (rates) =>
  Object.entries(rates)
    .map(([name, rate]) => `${name} ${rate.toFixed(1)}`)
    .join(', ');

async function blocks(setting) {
  const { cut, blocks: last, naive } = forecast(setting);
  // A long epoch does not spend one step in so few on filling the pipeline.
  const steps = Math.ceil(setting.images / setting.batch);
  const over = (cuts) => async () =>
    ((await rateOf(setting, { more: ['--parallel', 'blocks=2', '--set', `parallel.cuts=${cuts}`] })) *
      (steps + 1)) /
    steps;
  const others = [cut - 1, cut + 1].filter((each) => each >= 1 && each < last);
  const rates = await compare({
    alone: () => rateOf(setting),
    'two threads': () => rateOf(setting, { threads: 2 }),
    unrelated: () => unrelated(setting),
    balanced: over('balanced'),
    ...Object.fromEntries(others.map((each) => [`cut ${each}`, over(`[${each}]`)])),
  });
  const best = Math.max(rates.balanced, ...others.map((each) => rates[`cut ${each}`]));
  console.log(
    `${titleOf(setting)}, a run of blocks each, but for the pipeline's filling; images/s: ${perSecond(rates)}`,
  );
  tell('of two unrelated processes', rates.balanced / rates.unrelated, 0.93);
  tell('of one process with one thread', rates.balanced / rates.alone, 1.75);
  tell('of one process with two threads', rates.balanced / rates['two threads'], 1);
  tell('of the best cut tried', rates.balanced / best, 0.95);
  tell('of BP in a naive pipeline of two (by what its step takes alone)', rates.balanced / naive);
}

async function data(setting) {
  const both = { ...setting, images: 2 * setting.images, batch: 2 * setting.batch };
  const rates = await compare({
    unrelated: () => unrelated(setting),
    ranks: () => rateOf(both, { more: ['--parallel', 'data=2'] }),
  });
  console.log(`${titleOf(both)}, half of every batch each; images/s: ${perSecond(rates)}`);
  tell('of two processes that do not communicate', rates.ranks / rates.unrelated, 0.97);
}

/** Two network namespaces with a cable between them that carries 100 Mbit/s each way. */
async function link(setting) {
  const names = [0, 1].map((host) => `ll-bench-${process.pid}-${host}`);
  const run = (...command) => {
    const { status, stderr } = spawnSync(command[0], command.slice(1), { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${command.join(' ')}: ${stderr}`);
  };
  const both = { ...setting, images: 2 * setting.images, batch: 2 * setting.batch };
  try {
    for (const name of names) run('ip', 'netns', 'add', name);
    run(
      'ip',
      'link',
      'add',
      'cable',
      'netns',
      names[0],
      'type',
      'veth',
      'peer',
      'name',
      'cable',
      'netns',
      names[1],
    );
    names.forEach((name, host) => {
      run('ip', '-n', name, 'address', 'add', `10.77.32.${host + 1}/24`, 'dev', 'cable');
      for (const device of ['lo', 'cable']) run('ip', '-n', name, 'link', 'set', device, 'up');
      const limit = ['tbf', 'rate', '100mbit', 'burst', '128kbit', 'latency', '50ms'];
      run('tc', '-n', name, 'qdisc', 'add', 'dev', 'cable', 'root', ...limit);
    });
    const rates = await compare({
      unrelated: () => unrelated(setting),
      ranks: () =>
        rateOf(both, {
          more: ['--parallel', 'data'],
          around: names.map((name) => ['ip', 'netns', 'exec', name]),
          environment: (rank) => ({
            ...{ RANK: String(rank), WORLD_SIZE: '2', MASTER_ADDR: '10.77.32.1', MASTER_PORT: '29500' },
          }),
        }),
    });
    console.log(`${titleOf(both)}, the same over 100 Mbit/s; images/s: ${perSecond(rates)}`);
    tell('of two processes that do not communicate', rates.ranks / rates.unrelated, 0.85);
  } finally {
    for (const name of names) spawnSync('ip', ['netns', 'del', name]);
  }
}

console.log(`${availableParallelism()} cores, medians of ${rounds}, one thread a rank`);
const start = performance.now();
try {
  const settings = list(args.depths).flatMap((depth, i) =>
    list(args.methods).map((method) => ({
      method,
      depth: Number(depth),
      images: Number(list(args.images)[i]),
      batch,
    })),
  );
  const kinds = list(args.only);
  if (kinds.includes('blocks')) for (const setting of settings) await blocks(setting);
  if (kinds.includes('data')) await data(settings[0]);
  if (kinds.includes('link')) {
    if (process.getuid?.() === 0) await link(settings[0]);
    else console.log('over 100 Mbit/s: left out, as network namespaces need root');
  }
} finally {
  rmSync(work, { recursive: true });
}
console.log(`took ${((performance.now() - start) / 60_000).toFixed(1)} minutes`);
