import { cifar10Kind } from './cifar10.js';
import { cifar100Kind } from './cifar100.js';
import { csvKind } from './csv.js';
import { fashionMnistKind } from './fashion-mnist.js';
import { folderKind } from './folder.js';
import { imagenetKind } from './imagenet.js';
import { parquetKind } from './parquet.js';
import { stl10Kind } from './stl10.js';
import { svhnKind } from './svhn.js';

/** Data sets with files of a known form, each with its manifest, `datasets/<name>.json`. */
export const officialDatasets = [
  fashionMnistKind,
  cifar10Kind,
  cifar100Kind,
  svhnKind,
  stl10Kind,
  imagenetKind,
] as const;

/** The data sets that there are without plugins. */
export const builtInDatasets = [...officialDatasets, folderKind, csvKind, parquetKind] as const;
