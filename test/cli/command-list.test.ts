import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { listsOf, nameOf, type AnyCommand } from '../../src/cli/command.js';
import { commandNames, commandOf, commands, keysOf, namesAfter, optionsOf } from '../../src/cli/commands.js';

it('has every command that a file defines, alone or below another', async () => {
  const folder = join(import.meta.dirname, '../../src/cli/commands');
  const modules = await Promise.all(
    readdirSync(folder).map(async (file) => (await import(join(folder, file))) as Record<string, unknown>),
  );
  const defined = modules.flatMap((module) =>
    Object.entries(module).flatMap(([name, value]) =>
      name.endsWith('Command') ? [value as AnyCommand] : [],
    ),
  );
  const listed = commands.flatMap((command) => [command, ...(command.commands ?? [])]);
  expect(new Set(listed)).toEqual(new Set(defined));
  expect(listed).toHaveLength(new Set(listed.map(({ command }) => command)).size);
});

it('tells the command that a command line names, with its options', () => {
  const named = (...words: string[]): string | undefined => commandOf(words)?.command;
  expect(named('train', 'x')).toBe('train [config]');
  expect(named('data', 'info', 'x')).toBe('info [name]');
  expect(named('data', 'inof')).toBe('data');
  expect(named('info')).toBeUndefined();
  expect(named('completion')).toBeUndefined();
  expect(optionsOf(['data', 'info'])).toHaveProperty('images');
  expect(optionsOf(['--json'])).toEqual({});
});

it('tells what may follow the words that are there', () => {
  expect(namesAfter(['trian'])).toEqual(commandNames);
  expect(namesAfter(['data', 'inof'])).toEqual(['fetch', 'verify', 'info', 'preview']);
  expect(namesAfter(['train', 'x'])).toEqual([]);
  expect(namesAfter(['completion', 'x'])).toEqual([]);
});

it('tells the arguments that take several words', () => {
  const lists = commands.filter((command) => listsOf(command).length > 0);
  expect(lists.map((command) => [nameOf(command), listsOf(command)])).toEqual([
    ['predict', ['images']],
    ['parity', ['files']],
    ['report', ['folders']],
  ]);
});

it('tells what --set can change: the values of a config, or those of a data set alone', async () => {
  expect(await keysOf(['train'])).toContain('method.blocks');
  const own = await keysOf(['data', 'info']);
  expect(own).toContain('data.imageSize');
  expect(own).not.toContain('train.epochs');
  expect(await keysOf(['report'])).toEqual([]);
});
