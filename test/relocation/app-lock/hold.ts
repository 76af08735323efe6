import { setTimeout as sleep } from 'node:timers/promises';
import { withSnapshotLock } from '../../../src/relocation/app-lock.ts';

/** Holds the lock until it is killed. */
const [stateFolder = '', app = ''] = process.argv.slice(2);
await withSnapshotLock({ stateFolder, app }, async () => {
  process.stdout.write('held\n');
  await sleep(60_000);
});
