/** Units, `stage.index`, after which MAN's and HPFF's published code cuts a network into K blocks. */
type Table = Readonly<Record<number, readonly string[] | 'every unit'>>;

const stageUnits = (stage: number, indices: readonly number[]): string[] =>
  indices.map((index) => `${stage}.${index}`);

const resnet32: Table = {
  2: ['2.1'],
  3: ['1.4', '2.4'],
  4: ['1.2', '2.1', '3.0'],
  8: [...stageUnits(1, [0, 2, 4]), ...stageUnits(2, [1, 3]), ...stageUnits(3, [0, 2])],
  16: 'every unit',
};

const resnet110: Table = {
  2: ['2.8'],
  3: ['1.17', '2.17'],
  4: ['1.11', '2.7', '3.3'],
  8: [...stageUnits(1, [4, 11]), ...stageUnits(2, [0, 7, 14]), ...stageUnits(3, [3, 10])],
  16: [
    ...stageUnits(1, [1, 4, 7, 10, 13, 16]),
    ...stageUnits(2, [1, 4, 7, 11, 15]),
    ...stageUnits(3, [1, 5, 9, 13]),
  ],
  32: [
    ...stageUnits(1, [1, 2, 4, 5, 7, 9, 11, 13, 14, 16, 17]),
    ...stageUnits(2, [1, 2, 4, 5, 7, 9, 11, 13, 14, 16, 17]),
    ...stageUnits(3, [1, 3, 4, 6, 7, 9, 11, 13, 15]),
  ],
  55: 'every unit',
};

/** ImageNet: MAN's K = 2, HPFF's others. */
const resnet34: Table = { 2: ['2.0'], 4: ['2.0', '3.0', '3.5'] };

const resnet101: Table = {
  2: ['2.0'],
  4: stageUnits(3, [0, 9, 17]),
  8: ['2.0', ...stageUnits(3, [1, 5, 9, 13, 17, 21])],
};

const resnet152: Table = { ...resnet101, 2: ['2.5'] };

/** Cut so that the blocks take about the same memory (CIFAR-10). */
const balancedResnet110: Table = {
  2: ['1.14'],
  3: ['1.9', '2.2'],
  4: ['1.6', '1.14', '2.8'],
};

type Tables = Readonly<Record<string, Table>>;

const tables: Tables = {
  'resnet-32': resnet32,
  'resnet-110': resnet110,
  'resnet-imagenet-34': resnet34,
  'resnet-imagenet-101': resnet101,
  'resnet-imagenet-152': resnet152,
  'resnext-imagenet-101': resnet101,
};
const balancedTables: Tables = { 'resnet-110': balancedResnet110 };

/** The cut points for K = `count`; `every unit` cuts after each but the stem; undefined where none were published. */
export function publishedCuts(
  network: string,
  count: number,
  { memoryBalanced = false } = {},
): readonly string[] | 'every unit' | undefined {
  return (memoryBalanced ? balancedTables : tables)[network]?.[count];
}
