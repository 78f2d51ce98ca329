import { expect, it } from 'vitest';
import { ownersOf } from '../../src/cli/commands.js';
import { insteadOf } from '../../src/cli/unknown-option.js';

const vocabulary = {
  options: ['set', 'seed', 'out', 'tensorboard', 'help'],
  keys: [
    ...['name', 'data.name', 'data.trainImages', 'network.layers', 'train.epochs', 'train.batchSize'],
    ...['train.learningRate', 'method.depth', 'method.auxiliary.depth', 'network.heads'],
  ],
};
const set = (...ways: string[]): string =>
  `; a config's values are changed with --set (did you mean ${ways.join(' or ')}?)`;

it.each<[string, string | undefined, string]>([
  ['epochs', '3', set('--set train.epochs=3')],
  ['epcohs', '3', set('--set train.epochs=3')],
  ['batch-size', '8', set('--set train.batchSize=8')],
  ['batch', '8', set('--set train.batchSize=8')],
  ['lr', '0.1', set('--set train.learningRate=0.1')],
  ['train.epochs', '3', set('--set train.epochs=3')],
  ['layers', '8', set('--set network.layers=8')],
  ['depth', '8', set('--set method.depth=8')],
  ['name', "my 'run", set(`--set 'name=my '\\''run'`)],
  ['trainImages', undefined, set("--set 'data.trainImages=…'")],
  ['tensorbord', undefined, ' (did you mean "tensorboard"?)'],
  ['tensor-board', undefined, ' (did you mean "tensorboard"?)'],
  ['tens', undefined, ' (did you mean "tensorboard"?)'],
  ['threads', '2', ''],
  ['wibble', '3', ''],
])('--%s %s', (name, value, expected) => {
  expect(insteadOf(name, value, vocabulary)).toBe(expected);
});

it('offers nothing that a command without --set cannot do', () => {
  expect(insteadOf('epochs', '3', { options: ['format', 'out'], keys: [] })).toBe('');
});

it('names the commands whose option it is, and a value of the config that is changed with --set', () => {
  const { options } = vocabulary;
  const keys = [...vocabulary.keys, 'seeds'];
  expect(insteadOf('seeds', '1-3', { options, keys, owners: ['demo', 'compare'] })).toBe(
    '; it is an option of demo and compare',
  );
  expect(insteadOf('over', 'x', { options: [], keys: [], owners: ['sweep'] })).toBe(
    '; it is an option of sweep',
  );
  expect(insteadOf('layers', '2', { options, keys, owners: ['bench'] })).toBe(
    `; it is an option of bench${set('--set network.layers=2')}`,
  );
});

it('knows whose an option is, and of what every object has that it is nobody’s', () => {
  expect(ownersOf('retry')).toEqual(['demo', 'compare', 'sweep']);
  for (const name of ['constructor', 'toString', '__proto__']) expect(ownersOf(name)).toEqual([]);
});
