// A restore in a process of its own, to be killed: node restore-child.ts REQUEST.json
import { readFile } from 'node:fs/promises';
import { silent } from '../../src/events.ts';
import { sourceOf } from '../../src/sources/index.ts';
import type { Destination, SavedSource } from '../../src/sources/source.ts';
import { openSavedTree } from './source-store.ts';

interface Request {
  saved: SavedSource;
  destination: Destination;
  /** The repository's folder, and the tree in it. */
  repository: string;
  tree: string;
  scratch: string;
}

const request = JSON.parse(await readFile(process.argv[2] ?? '', 'utf8')) as Request;
const { saved, close } = await openSavedTree(request.repository, request.tree);
process.stdout.write('started\n');
await sourceOf(request.saved.kind).restore(request.saved, request.destination, {
  name: request.saved.name,
  folder: request.scratch,
  environment: {},
  emit: silent,
  signal: new AbortController().signal,
  saved,
  scratch: request.scratch,
  parallel: 2,
});
await close();
