/** Which update trains the network's head with its main loss: the one named `head`, else the last. */
export function headIndex({ updates }: { readonly updates: readonly { readonly name: string }[] }): number {
  const index = updates.findIndex((update) => update.name === 'head');
  return index >= 0 ? index : updates.length - 1;
}
