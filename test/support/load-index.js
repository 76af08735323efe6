// Loads the index of the repository in a folder with the compiled program, checks it, and says what both took:
// node load-index.js FOLDER
import { readFileSync } from 'node:fs';
import { randomMasterKey } from '../../dist/src/repository/crypto.js';
import { loadIndex } from '../../dist/src/repository/index-files.js';
import { LocalStorage } from '../../dist/src/storage/local.js';

const key = Object.fromEntries(
  Object.entries(randomMasterKey()).map(([name, bytes]) => [name, Buffer.alloc(bytes.length, 7)]),
);
/** Of this program alone: what `resourceUsage` tells begins with what the parent took. */
const peakMib = () =>
  Math.ceil(Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024);
const storage = new LocalStorage(process.argv[2]);
const before = peakMib();
const startedMs = performance.now();
const table = await loadIndex(storage, key);
const loadMs = Math.round(performance.now() - startedMs);
const loaded = peakMib();
const { checkRepository } = await import('../../dist/src/repository/check.js');
const reader = { loadBlob: () => Promise.reject(new Error('no blob')), readPacks: async () => {} };
const { errors } = await checkRepository(
  { storage, table, snapshots: [], errors: [], reader },
  { readDataPercent: 100 },
);
process.stdout.write(
  `${JSON.stringify({ blobs: table.size, before, loaded, loadMs, checked: peakMib(), errors: errors.length })}\n`,
);
