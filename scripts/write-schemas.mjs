// Writes schemas/config.json and schemas/summary.json, which editors and other programs check our files by.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configFileSchema } from '../dist/config/config.js';
import { summaryFileSchema } from '../dist/runs/summary.js';

const folder = join(import.meta.dirname, '../schemas');
mkdirSync(folder, { recursive: true });
for (const [name, schema] of Object.entries({ config: configFileSchema(), summary: summaryFileSchema() })) {
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(schema, null, 1)}\n`);
}
