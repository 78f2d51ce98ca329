import { readdir } from 'node:fs/promises';
import { shown } from '../../core/shown.js';

/** Of NAS systems, archives, operating systems and tools; with copies and small versions of images in some of them. */
const names: ReadonlySet<string> = new Set([
  ...['@eaDir', '#recycle', '#snapshot', '@Recycle', '@Recently-Snapshot', '@tmp'],
  ...['__MACOSX', '$RECYCLE.BIN', 'System Volume Information', 'lost+found', '__pycache__'],
]);

/** Whether a file or folder is hidden, or a system's or tool's own: no class and no image, wherever it lies. */
export function isSystemName(name: string): boolean {
  return name.startsWith('.') || names.has(name);
}

/** A line that names the folders of that kind that lie beside those of classes; none if there are none. */
export async function systemFolderNotes(classFolders: readonly string[]): Promise<string[]> {
  const found = new Set<string>();
  for (const folder of classFolders) {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (entry.isDirectory() && isSystemName(entry.name)) found.add(shown(entry.name));
    }
  }
  if (found.size === 0) return [];
  return [
    `left out, as no classes: ${[...found].sort().join(', ')} in ${classFolders.map(shown).join(' and ')}`,
  ];
}
