// Reads a repository that means ill, and tells what came of it and what it cost: node hostile-child.ts FOLDER TARGET WAY
import { readFileSync } from 'node:fs';
import { silent } from '../../src/events.ts';
import { RelocateError } from '../../src/errors.ts';
import { restoreTree } from '../../src/filesystem/restore.ts';
import { openRepository } from '../../src/repository/index.ts';
import { LocalStorage } from '../../src/storage/local.ts';

const [folder = '', target = '', way = ''] = process.argv.slice(2);
const startedMs = performance.now();
const repository = await openRepository(new LocalStorage(folder), 'pw');
const beforeMib = peakMib();

async function read(): Promise<string> {
  if (way === 'check')
    return (await repository.check({ readDataPercent: 100 })).errors.slice(0, 5).join('\n');
  const { tree } = await repository.findSnapshot('latest');
  const options = { emit: silent, signal: new AbortController().signal };
  const { problems } = await restoreTree(repository, tree, target, options);
  return problems
    .slice(0, 5)
    .map(({ reason }) => reason)
    .join('\n');
}

const said = await read().catch((error: unknown) =>
  error instanceof RelocateError ? `${error.code}: ${error.message}` : `unclear ${String(error)}`,
);
await repository.close();
const tookMs = Math.round(performance.now() - startedMs);
const moreMib = peakMib() - beforeMib;
process.stdout.write(`${JSON.stringify({ said, tookMs, moreMib })}\n`);

/** Of this program alone: what `resourceUsage` tells begins with what the parent took. */
function peakMib(): number {
  const status = readFileSync('/proc/self/status', 'utf8');
  return Math.ceil(Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) / 1024);
}
