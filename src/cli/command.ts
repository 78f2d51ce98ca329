import type { CommandModule, Options } from 'yargs';

export type CommandOptions = Readonly<Record<string, Options>>;

/** A command of the program, or of another command: what yargs needs, and what is told of it where it is not run. */
export interface Command<Given = object, Arguments = object> extends CommandModule<Given, Arguments> {
  /** The name, then the arguments: `train [config]`. */
  readonly command: string;
  /** What it takes beside its arguments. */
  readonly options: CommandOptions;
  /** Commands that follow its name: `fetch` of `data`. */
  readonly commands?: readonly AnyCommand[];
  /** Paths of what its `--set` can change, where that is other than the values of a config. */
  readonly keys?: () => readonly string[];
}

/** One among others: each knows the types of its own arguments alone. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- as yargs types a list of them
export type AnyCommand = Command<object, any>;

/** What is typed for it. */
export function nameOf({ command }: Pick<Command, 'command'>): string {
  return command.split(' ')[0]!;
}

/** Its arguments that take several words: `folders` of `report <folders..>`. */
export function listsOf({ command }: Pick<Command, 'command'>): readonly string[] {
  return [...command.matchAll(/[<[](\w+)\.\.[>\]]/g)].map(([, name]) => name!);
}
