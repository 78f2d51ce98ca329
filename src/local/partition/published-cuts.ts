/** Units, `stage.index`, after which MAN's and HPFF's published code cuts a network into K blocks. */
type Table = Readonly<Record<number, readonly string[] | 'every unit'>>;

/** By the network's name. */
type Tables = Readonly<Record<string, Table>>;

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

/** ImageNet: MAN's K = 2, HPFF's others. Both build ResNet-50 with the cut points of ResNet-34. */
const resnet34: Table = { 2: ['2.0'], 4: ['2.0', '3.0', '3.5'] };

const resnet101: Table = {
  2: ['2.0'],
  4: stageUnits(3, [0, 9, 17]),
  8: ['2.0', ...stageUnits(3, [1, 5, 9, 13, 17, 21])],
};

const resnet152: Table = { ...resnet101, 2: ['2.5'] };

/**
 * MAN and MAN++ on ImageNet where MAN++'s code, which runs both, cuts elsewhere than HPFF's. (The first version of
 * MAN's own code cut into 4 where HPFF's does; its last has no K = 4.)
 */
const manResnet101: Table = { 4: ['2.2', '3.8', '3.16'] };
const manImagenet: Tables = {
  'resnet-imagenet-101': manResnet101,
  'resnet-imagenet-152': { 4: ['2.6', '3.13', '3.25'] },
  'resnext-imagenet-101': manResnet101,
};

/** Cut so that the blocks take about the same memory (CIFAR-10). */
const balancedResnet110: Table = {
  2: ['1.14'],
  3: ['1.9', '2.2'],
  4: ['1.6', '1.14', '2.8'],
};
/** The same for images of 96×96 (STL-10). */
const balancedResnet110At96: Table = { ...balancedResnet110, 3: ['1.8', '2.1'] };

const tables: Tables = {
  'resnet-32': resnet32,
  'resnet-110': resnet110,
  'resnet-imagenet-34': resnet34,
  'resnet-imagenet-50': resnet34,
  'resnet-imagenet-101': resnet101,
  'resnet-imagenet-152': resnet152,
  'resnext-imagenet-101': resnet101,
};

/** By method: what differs from the tables that all share. */
const ownTables: Readonly<Record<string, Tables>> = {
  man: manImagenet,
  'man-plus': manImagenet,
  'dgl-man-plus': manImagenet,
};

/** ContSup's code alone has them for ResNet-32. */
const balancedResnet32: Table = {
  2: ['1.3'],
  4: ['1.2', '1.4', '2.2'],
  8: [...stageUnits(1, [1, 2, 3]), ...stageUnits(2, [1, 2]), ...stageUnits(3, [1, 2])],
};

const balancedTables: Tables = { 'resnet-32': balancedResnet32, 'resnet-110': balancedResnet110 };
const balancedTablesAt96: Tables = { 'resnet-110': balancedResnet110At96 };

/** What decides of published cut points beside the network's name and K. */
export interface PublishedCutsOptions {
  /** By name, where its code has cut points of its own. */
  readonly method?: string;
  /**
   * Those that balance memory. Published for CIFAR-10 and for STL-10, whose images have 96 pixels a side; SVHN, for
   * which there are none, gets those of CIFAR-10, whose images are as large.
   */
  readonly memoryBalanced?: boolean;
  /** Height of the images; 32 if not given. */
  readonly imageSize?: number;
}

/** The cut points for K = `count`; `every unit` cuts after each but the stem; undefined where none were published. */
export function publishedCuts(
  network: string,
  count: number,
  { method = '', memoryBalanced = false, imageSize = 32 }: PublishedCutsOptions = {},
): readonly string[] | 'every unit' | undefined {
  if (memoryBalanced) return (imageSize === 96 ? balancedTablesAt96 : balancedTables)[network]?.[count];
  return ownTables[method]?.[network]?.[count] ?? tables[network]?.[count];
}
