import { textTable, type Table } from '../../core/table.js';
import { formatCount, formatOverhead, plural } from '../../core/text.js';
import type { MethodOutline, NetworkOutline, UpdateOutline } from './outline.js';

/** A network's units, for a terminal. */
export function networkText({ network, imageShape, classes, units }: NetworkOutline): string {
  const table: Table = {
    header: ['unit', 'output', 'parameters', 'multiply-adds'],
    rows: [...units, { name: 'all', shape: [], ...totals(units) }].map((unit) => [
      unit.name,
      unit.shape.join('×'),
      formatCount(unit.parameters),
      formatCount(unit.multiplyAdds),
    ]),
  };
  const title = `${network}: images of ${imageShape.join('×')}, ${classes} classes`;
  return `${title}; multiply-adds of a forward pass, an image\n${textTable(table)}`;
}

/** What a method makes of the network, for a terminal. */
export function methodText(outline: MethodOutline, bp: MethodOutline): string {
  const { label, partition, updates, parameters, notes } = outline;
  const blocks: Table = {
    header: ['block', 'units'],
    rows: partition.map((units, i) => [String(i + 1), unitsInWords(units)]),
  };
  const table: Table = {
    header: ['update', 'network', 'auxiliary', 'multiply-adds', 'of them auxiliary'],
    rows: updates.map(({ name, network, auxiliary, multiplyAdds }) => [
      name,
      formatCount(network),
      formatCount(auxiliary),
      formatCount(multiplyAdds.network + multiplyAdds.auxiliary),
      formatCount(multiplyAdds.auxiliary),
    ]),
  };
  const [own, reference] = [updates, bp.updates].map(multiplyAddsOf) as [number, number];
  const overhead = outline === bp ? '' : ` (${formatOverhead(own / reference - 1)} to BP)`;
  return [
    `${label}: ${plural(partition.length, 'block')}\n`,
    ...(partition.length > 1 ? [textTable(blocks), '\n'] : []),
    `parameters that each update trains, and multiply-adds of forward and backward pass, an image\n`,
    textTable(table),
    `parameters: network ${formatCount(parameters.network)}, beside it ${formatCount(parameters.auxiliary)}, at inference ${formatCount(parameters.inference)}; `,
    `multiply-adds a step, an image: ${formatCount(own)}${overhead}\n`,
    ...notes.map((note) => `${label}: ${note}\n`),
  ].join('');
}

/** `conv1 … layer1.3` for those that follow one another. */
function unitsInWords(units: readonly string[]): string {
  return units.length <= 2 ? units.join(', ') : `${units[0]!} … ${units.at(-1)!} (${units.length})`;
}

function totals(
  units: NetworkOutline['units'],
): Pick<NetworkOutline['units'][number], 'parameters' | 'multiplyAdds'> {
  return units.reduce(
    (sums, { parameters, multiplyAdds }) => ({
      parameters: sums.parameters + parameters,
      multiplyAdds: sums.multiplyAdds + multiplyAdds,
    }),
    { parameters: 0, multiplyAdds: 0 },
  );
}

function multiplyAddsOf(updates: readonly UpdateOutline[]): number {
  return updates.reduce((sum, { multiplyAdds: { network, auxiliary } }) => sum + network + auxiliary, 0);
}
