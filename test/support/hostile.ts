import { RelocateError } from '../../src/errors.ts';
import { silent } from '../../src/events.ts';
import { listTree } from '../../src/filesystem/list.ts';
import { restoreTree } from '../../src/filesystem/restore.ts';
import type { Repository } from '../../src/repository/repository.ts';
import type { seeded } from './random.ts';

type Random = ReturnType<typeof seeded>;

const nasty: readonly unknown[] = [
  null, true, 0, -1, 1.5, 1e308, 2 ** 31, 2 ** 32, 2 ** 53 + 2, -(2 ** 40), '', '.', '..', '/', 'a/b', '\0', '\\x',
  '\\xff', '\ud800', '__proto__', 'x'.repeat(70_000), '0'.repeat(64), 'f'.repeat(64), '0'.repeat(63), 'A'.repeat(64),
  [], {}, [[]], [null], { nodes: null }, { packs: [{}] }, '2026-13-45T99:99:99Z', '9999-12-31T23:59:59.999999999+23:59',
  'data', 'tree', 'dir', 'file', 'symlink', 'dev', 'scrypt',
]; // prettier-ignore

/** A copy with one to three places changed: something else there, or gone, or twice, or a key more. */
export function mutateJson(value: unknown, random: Random): unknown {
  let changed = structuredClone(value);
  for (let left = 1 + random.int(3); left > 0; left -= 1) {
    const places = placesIn(changed);
    const place = places[random.int(places.length)];
    const thing = structuredClone(nasty[random.int(nasty.length)]);
    if (place === undefined) changed = thing;
    else change(place, thing, random);
  }
  return changed;
}

interface Place {
  holder: Record<string, unknown> | unknown[];
  key: string;
}

function change({ holder, key }: Place, thing: unknown, random: Random): void {
  if (Array.isArray(holder)) {
    const at = Number(key);
    const how = random.int(3);
    if (how === 0) holder[at] = thing;
    else if (how === 1) holder.splice(at, 1);
    else holder.splice(at, 0, structuredClone(holder[random.int(holder.length)]));
  } else if (random.int(4) === 0) delete holder[key];
  else holder[key] = thing;
}

function placesIn(value: unknown, places: Place[] = []): Place[] {
  if (typeof value !== 'object' || value === null) return places;
  // oxlint-disable-next-line no-unsafe-type-assertion -- an object or a list.
  const holder = value as Place['holder'];
  for (const key of Object.keys(holder)) {
    places.push({ holder, key });
    placesIn((holder as Record<string, unknown>)[key], places);
  }
  return places;
}

/** A copy with a few bytes changed, gone or there twice, or cut off. */
export function mutateBytes(bytes: Buffer, random: Random): Buffer {
  let changed = Buffer.from(bytes);
  for (let left = 1 + random.int(4); left > 0 && changed.length > 0; left -= 1) {
    const at = random.int(changed.length);
    const how = random.int(5);
    if (how <= 1) changed[at] = random.int(256);
    else if (how === 2) changed[at] = (changed[at] ?? 0) ^ (1 << random.int(8));
    else if (how === 3)
      changed = Buffer.concat([changed.subarray(0, at), changed.subarray(at + 1 + random.int(40))]);
    else
      changed = Buffer.concat([changed.subarray(0, at), changed.subarray(Math.max(0, at - random.int(40)))]);
  }
  return changed;
}

const options = { emit: silent, signal: new AbortController().signal };

/** All that reads a repository, each thing by itself; what came of it that must not. */
export async function complaintsOf(
  open: () => Promise<Repository>,
  target: string,
  more: Readonly<Record<string, (repository: Repository) => Promise<unknown>>> = {},
): Promise<string[]> {
  const complaints: string[] = [];
  const latest = async (repository: Repository) => (await repository.findSnapshot('latest')).tree;
  const ways: Record<string, (repository: Repository) => Promise<unknown>> = {
    snapshots: (repository) => repository.snapshots(),
    locks: (repository) => repository.locks(),
    keys: (repository) => repository.listKeys(),
    restore: async (repository) => restoreTree(repository, await latest(repository), target, options),
    list: async (repository) => {
      let seen = 0;
      for await (const _ of listTree(repository, await latest(repository))) if ((seen += 1) > 10_000) break;
    },
    check: (repository) => repository.check({ readDataPercent: 100 }),
    'prune, planned': (repository) =>
      repository.withLock('exclusive', {}, () =>
        repository.prune({ maxUnusedBytes: () => 0, maxRepackBytes: Infinity, dryRun: true }),
      ),
    ...more,
  };
  for (const [name, way] of Object.entries(ways)) {
    let repository: Repository | undefined;
    try {
      repository = await open();
      await way(repository);
    } catch (error) {
      const isClear = error instanceof RelocateError && error.code !== 'internal';
      if (!isClear) complaints.push(`${name}: ${error instanceof Error ? error.stack : String(error)}`);
    } finally {
      await repository?.close();
    }
  }
  return complaints;
}
