import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { messageOf, UserError } from '../../core/errors.js';

const hex = (digits: number): z.ZodString => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`));

/** What a file has to be; a size of null is one that nobody has told. */
const contentShape = {
  bytes: z.int().min(0).nullable(),
  sha256: hex(64).exactOptional(),
  sha1: hex(40).exactOptional(),
  md5: hex(32).exactOptional(),
};

/** A path below the data set's folder: plain names, `/` between them. */
const pathSchema = z.string().regex(/^[A-Za-z0-9][\w.-]*(\/[A-Za-z0-9][\w.-]*)*$/);

const fileSchema = z.strictObject({
  path: pathSchema,
  /** Whether the data set can be used without it. */
  optional: z.literal(true).exactOptional(),
  ...contentShape,
});

const downloadSchema = z.strictObject({
  url: z.url({ protocol: /^https?$/ }),
  /** Its name here; what is not unpacked has it in the data set's folder too. */
  file: z.string().regex(/^[A-Za-z0-9][\w.-]*$/),
  ...contentShape,
  /** The part of the data set that it belongs to, where that is fetched only if asked for. */
  part: z.string().exactOptional(),
  /** The files of a .tar.gz; others in it are left out. */
  unpack: z.array(fileSchema).min(1).exactOptional(),
});

const manifestSchema = z.strictObject({
  name: z.string(),
  title: z.string(),
  homepage: z.url(),
  licence: z.string(),
  cite: z.string(),
  /** What else its user has to know. */
  note: z.string().exactOptional(),
  /** Why nothing can be downloaded, and what to do instead; only where `downloads` is empty. */
  byHand: z.string().exactOptional(),
  downloads: z.array(downloadSchema),
  /** The maker's archives, where they are had by hand: may lie in the data set's folder. */
  archives: z.array(fileSchema).exactOptional(),
  /** Files of the same data set in another form that is read too: all of them stand for all of the downloads. */
  otherForms: z.array(z.array(fileSchema).min(1)).exactOptional(),
  /** Classes, and images of the official splits. */
  images: z.strictObject({ classes: z.int().min(1), train: z.int().min(1), test: z.int().min(1) }),
});

export type Manifest = z.output<typeof manifestSchema>;
export type Download = z.output<typeof downloadSchema>;
export type ManifestFile = z.output<typeof fileSchema>;
export type FileContent = Pick<ManifestFile, 'bytes' | 'sha256' | 'sha1' | 'md5'>;

/** The manifest that is part of this package, `datasets/<name>.json`. */
export function readManifest(name: string): Manifest {
  const datasets = join(dirname(fileURLToPath(import.meta.url)), '../../../datasets');
  return parseManifest(readFileSync(join(datasets, `${name}.json`), 'utf8'), `datasets/${name}.json`);
}

/**
 * @param file its name in messages
 * @throws UserError if the text is not a manifest
 */
export function parseManifest(text: string, file: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UserError(`${file}: not JSON: ${messageOf(error)}`);
  }
  const result = manifestSchema.safeParse(value);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  throw new UserError(`${file}: ${path.map(String).join('.')}: ${message}`);
}

/** The files in the data set's folder that come from a download. */
export function filesOf(download: Download): readonly ManifestFile[] {
  if (download.unpack) return download.unpack;
  const { file, bytes, sha256, sha1, md5 } = download;
  return [{ path: file, bytes, ...(sha256 && { sha256 }), ...(sha1 && { sha1 }), ...(md5 && { md5 }) }];
}

/** The parts that are fetched only if asked for. */
export function partsOf(manifest: Manifest): readonly string[] {
  return [...new Set(manifest.downloads.flatMap(({ part }) => part ?? []))];
}
