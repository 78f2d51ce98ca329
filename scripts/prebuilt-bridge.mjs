/**
 * Makes the package of a bridge that is built already, for machines without a compiler:
 *   node scripts/prebuilt-bridge.mjs FOLDER
 * FOLDER/package.json is `@locallearn/torch-linux-x64-cpu` or another platform's, of this version. From native/build, or
 * the build that LOCALLEARN_BRIDGE names, linked anew so that it looks for libtorch in FOLDER/libtorch: a link to the
 * user's own, which `locallearn setup` makes (scripts/link-prebuilt.mjs). The C++ interface of libtorch changes with
 * each release, so it serves with libtorch of the same minor version only, and with no older C library than this
 * machine's. Linux only.
 */
import { copyFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BuildError, runCompiler } from './compiler.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const build = resolve(process.env.LOCALLEARN_BRIDGE || join(root, 'native', 'build'));

/** @param {string} folder */
async function main(folder) {
  const { libtorch, flags } = JSON.parse(readFileSync(join(build, 'build.json'), 'utf8'));
  if (process.platform !== 'linux') throw new BuildError('bridges are packed on Linux only');
  if (libtorch.cuda)
    throw new BuildError(`${build} was built with CUDA: name a build for the CPU by LOCALLEARN_BRIDGE`);
  mkdirSync(folder, { recursive: true });
  const rooms = readdirSync(join(root, 'native'), { withFileTypes: true }).filter(
    ({ name }) => name !== 'build',
  );
  const objects = rooms.flatMap(({ name: room }) =>
    readdirSync(join(root, 'native', room))
      .filter((name) => name.endsWith('.cc'))
      .map((name) => join(build, room, name.replace(/\.cc$/, '.o'))),
  );
  const link = flags.link.filter((/** @type {string} */ flag) => !flag.startsWith('-Wl,-rpath'));
  const result = join(folder, 'locallearn.node');
  await runCompiler(
    [...objects, ...link, '-Wl,-rpath,$ORIGIN/libtorch', '-Wl,--strip-all', '-o', result],
    'linking',
    join(build, 'prebuilt.log'),
  );
  const { version, license } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const name = `@locallearn/torch-${process.platform}-${process.arch}-cpu`;
  const manifest = {
    ...{ name, version, license, os: [process.platform], cpu: [process.arch], libc: ['glibc'] },
    peerDependencies: { locallearn: version },
    description: `The bridge of locallearn to libtorch ${libtorch.version}, for the CPU`,
    files: ['locallearn.node', 'build.json'],
  };
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  const { version: built, cxx11Abi, distributed } = libtorch;
  const source = `${name}, built elsewhere`;
  const record = { libtorch: { version: built, cxx11Abi, distributed, source } };
  writeFileSync(join(folder, 'build.json'), `${JSON.stringify(record, null, 2)}\n`);
  copyFileSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  console.log(`${folder}: ${name} ${version}, for libtorch ${built}`);
}

try {
  const [folder] = process.argv.slice(2);
  if (folder === undefined) throw new BuildError('name the folder to make');
  await main(folder);
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  console.error(`prebuilt-bridge: ${error.message}`);
  process.exitCode = 1;
}
