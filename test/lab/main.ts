import { once } from 'node:events';
import { startLab } from './index.ts';

/** `npm run lab`: a provider to play with by hand, until Ctrl-C. `npm run lab -- --no-machines`: its API alone. */
const lab = await startLab({ machines: process.argv.includes('--no-machines') ? 'none' : 'real' });
const { HCLOUD_ENDPOINT, HCLOUD_TOKEN } = lab.environment;
process.stdout.write(
  [
    '# The lab is up. In another terminal:',
    `export HCLOUD_ENDPOINT=${HCLOUD_ENDPOINT} HCLOUD_TOKEN=${HCLOUD_TOKEN}`,
    `export PATH=${lab.environment.PATH.split(':')[0]}:$PATH`,
    `# What listens on ${lab.operatorAddress} here is reached by its machines. Ctrl-C removes everything.`,
    '',
  ].join('\n'),
);
await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
await lab.close();
