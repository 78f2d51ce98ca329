// Runs functions, given as text, on the compiled modules: hooks for plugins are for the whole process.
import * as configs from '../../dist/config/config.js';
import * as plugins from '../../dist/config/plugins.js';
import * as index from '../../dist/index.js';

const modules = { ...index, ...plugins, ...configs };

process.on('message', async ([code, args]) => {
  process.send(await new Function(`return ${code}`)()(modules, args));
});
