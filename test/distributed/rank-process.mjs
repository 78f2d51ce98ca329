// Runs the code of ranks, one after another: libtorch and the modules are loaded once.
import { createRequire } from 'node:module';
import { joinProcessGroup } from '../../dist/distributed/join.js';
import { placementIn } from '../../dist/distributed/placement.js';
import { selectEngine } from '../../dist/engine/select.js';

const tf = createRequire(import.meta.url)('@tensorflow/tfjs');
const tell = (text) => process.send({ told: text });
const load = (path) => import(`../../dist/${path}`);

process.on('disconnect', () => process.exit());

process.on('message', async ({ code, environment, timeoutSeconds, input }) => {
  let last, group;
  try {
    await selectEngine('torch');
    group = await joinProcessGroup(placementIn(environment), { timeoutSeconds });
    // As text: it knows nothing of the file that it was written in.
    const run = new Function(`return ${code}`)();
    const result = await run({ group, tf, tell, load, input, environment });
    await group.close();
    last = { result };
  } catch (error) {
    last = { error: error.message, stack: error.stack, name: error.name };
    await group?.abandon(error.message);
  }
  process.send(last);
});
