import { UserError } from '../../core/errors.js';
import { readChecked } from '../../core/read.js';

/**
 * Class names from a text file, one a line; empty lines are passed over.
 * @throws UserError if the file is missing, or has not exactly `count` names
 */
export async function readClassNames(path: string, count: number, help: string): Promise<readonly string[]> {
  const content = await readChecked(path, help, (size) => {
    if (size > 64 * count) throw new UserError(`${path}: expected ${count} class names, found ${size} bytes`);
  });
  const names = content
    .toString('utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  checkClassNames(names, count, path);
  return names;
}

/** @throws UserError if the names are not so many, or one stands twice */
export function checkClassNames(names: readonly string[], count: number, path: string): void {
  if (names.length !== count) {
    throw new UserError(`${path}: expected ${count} class names, found ${names.length}, get the file anew`);
  }
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new UserError(
      `${path}: the class name ${JSON.stringify(twice)} stands there twice, get the file anew`,
    );
  }
}
