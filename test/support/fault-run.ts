import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RelocateError } from '../../src/errors.ts';
import { loadConfig, type Config } from '../../src/repository/config.ts';
import { copySnapshots } from '../../src/repository/copy.ts';
import type { MasterKey } from '../../src/repository/crypto.ts';
import { Engine } from '../../src/repository/engine.ts';
import { createRepository } from '../../src/repository/index.ts';
import { unlockMaster } from '../../src/repository/key.ts';
import type { Repository } from '../../src/repository/repository.ts';
import { LocalStorage } from '../../src/storage/local.ts';
import { retrying } from '../../src/storage/retry.ts';
import { fileTypes, type Storage } from '../../src/storage/storage.ts';
import { differences, restoreFiles, saveFolder } from './folder-snapshot.ts';
import { seeded } from './random.ts';
import { seededStorage, type SeededStorage, type Troubles } from './seeded-storage.ts';

/** A new repository to begin runs from, opened by its key, because scrypt takes longer than a run. */
export interface Template {
  folder: string;
  key: MasterKey;
  config: Config;
  keyId: string;
}

export async function makeTemplate(folder: string, like?: Template): Promise<Template> {
  const storage = new LocalStorage(folder);
  const options = like ? { polynomial: like.config.polynomial } : {};
  await (await createRepository(storage, 'pw', options)).close();
  const { id: keyId, master } = await unlockMaster(storage, 'pw');
  return { folder, key: master, config: await loadConfig(storage, master), keyId };
}

export interface Source {
  folder: string;
  /** As a restore gives them. */
  content: Map<string, Buffer>;
}

export interface RunOutcome {
  /** Folders of the repositories, to be judged by others too. */
  repositories: string[];
  /** What was done and how it ended, in order. */
  steps: string[];
  /** What the storages did wrong, by name. */
  happened: Map<string, number>;
  /** What must not be; empty when all is well. */
  wrongs: string[];
}

const levels: readonly Troubles[] = [
  { fail: 0.01, failAfter: 0.005, damage: 0.01, repeat: 0.05, full: 0.002, stale: 0.1, delayMs: 2 },
  { fail: 0.04, failAfter: 0.02, damage: 0.03, repeat: 0.1, full: 0.01, stale: 0.3, delayMs: 5 },
  { fail: 0.12, failAfter: 0.06, damage: 0.1, repeat: 0.2, full: 0.03, stale: 0.5, delayMs: 1 },
];

/** One step, or the judging of one snapshot, on a busy machine. More is a hang. */
const deadlineMs = 60_000;

interface Place {
  template: Template;
  folder: string;
  storage: SeededStorage;
  /** What each snapshot that was reported must give back. */
  reported: Map<string, Source>;
}

/** Some snapshots, copies, prunes and restores between two repositories whose storages fail by chance; then the judging. */
export async function runWithFaults(
  seed: number,
  work: string,
  { templates, sources }: { templates: readonly [Template, Template]; sources: readonly Source[] },
): Promise<RunOutcome> {
  const random = seeded(seed);
  const troubles = levels[random.int(levels.length)] ?? levels[0];
  const outcome: RunOutcome = { repositories: [], steps: [], happened: new Map(), wrongs: [] };
  await mkdir(work);
  const place = async (template: Template, name: string): Promise<Place> => {
    const folder = join(work, name);
    const local = new LocalStorage(folder);
    await copyFiles(new LocalStorage(template.folder), local);
    if (troubles === undefined) throw new Error('no level of trouble');
    return { template, folder, storage: seededStorage(local, random, troubles), reported: new Map() };
  };
  const first = await place(templates[0], 'first');
  const second = await place(templates[1], 'second');
  outcome.repositories.push(first.folder, second.folder);

  const steps = {
    async snapshot(): Promise<void> {
      const source = pick(sources);
      const at = random.next() < 0.8 ? first : second;
      const id = await withRepository(at, (repository) => saveFolder(repository, source.folder));
      at.reported.set(id, source);
    },
    async copy(): Promise<void> {
      const [from, to] = random.next() < 0.8 ? [first, second] : [second, first];
      const result = await withRepository(from, (source) =>
        withRepository(to, (target) =>
          source.withLock('shared', {}, () =>
            target.withLock('shared', {}, () => copySnapshots(source, target)),
          ),
        ),
      );
      for (const { from: id, to: copied } of result.copied) {
        const content = from.reported.get(id);
        // A snapshot whose saving was not reported may be there all the same, and be copied.
        if (content) to.reported.set(copied, content);
      }
    },
    /** Forgets one snapshot, sometimes, and prunes. */
    async house(): Promise<void> {
      const at = random.next() < 0.7 ? first : second;
      const forgotten = [...at.reported.keys()].filter(() => random.next() < 0.4).slice(0, 1);
      // Once its removal was begun nobody may count on it.
      for (const id of forgotten) at.reported.delete(id);
      await withRepository(at, (repository) =>
        repository.withLock('exclusive', {}, async (signal) => {
          if (forgotten.length > 0) await repository.removeSnapshots(forgotten, { signal });
          const maxUnusedBytes = random.next() < 0.7 ? () => 0 : () => Infinity;
          await repository.prune({ maxUnusedBytes, maxRepackBytes: Infinity, signal });
        }),
      );
    },
    async restore(): Promise<void> {
      const at = random.next() < 0.5 ? first : second;
      const [id, source] = pick([...at.reported]);
      at.storage.isReadOnly = true;
      try {
        outcome.wrongs.push(...(await withRepository(at, (one) => restore(one, id, source, work))));
      } finally {
        at.storage.isReadOnly = false;
      }
    },
  };

  function pick<T>(choices: readonly T[]): T {
    const chosen = choices[random.int(choices.length)];
    if (chosen === undefined) throw new Nothing();
    return chosen;
  }

  async function withRepository<T>(at: Place, use: (repository: Repository) => Promise<T>): Promise<T> {
    const repository = open(at.template, random.next() < 0.5 ? at.storage : patient(at.storage, random));
    try {
      return await use(repository);
    } finally {
      await repository.close();
    }
  }

  for (let at = 0; at < 7; at += 1) {
    const name = pick(['snapshot', 'snapshot', 'copy', 'house', 'restore'] as const);
    const ended = await inTime(steps[name]());
    outcome.steps.push(`${name}: ${ended}`);
    if (/^(hang|unexpected)/.test(ended)) outcome.wrongs.push(`${name}: ${ended}`);
  }
  for (const { storage } of [first, second])
    for (const [what, count] of storage.happened)
      outcome.happened.set(what, (outcome.happened.get(what) ?? 0) + count);
  for (const at of [first, second]) outcome.wrongs.push(...(await judge(at, work)));
  return outcome;
}

/** With nothing wrong any more: what was reported is there, whole, and the repository is sound. */
async function judge({ template, folder, reported }: Place, work: string): Promise<string[]> {
  const wrongs: string[] = [];
  const repository = open(template, new LocalStorage(folder));
  const say = async (what: string, judging: Promise<string[]>) => {
    const ended = await inTime(judging.then((found) => void wrongs.push(...found)));
    if (ended !== 'done') wrongs.push(`${what}: ${ended}`);
  };
  // The process that took them lives on: it is this one.
  await repository.unlock({ all: true });
  await say(
    'check',
    repository.check({ readDataPercent: 100 }).then(({ errors }) => errors),
  );
  for (const [id, source] of reported)
    await say(`snapshot ${id.slice(0, 8)}`, wholeRestore(repository, id, source, work));
  await repository.close();
  return wrongs;
}

/** A restore may give up on files, but never give a wrong byte. */
async function restore(repository: Repository, id: string, source: Source, work: string): Promise<string[]> {
  const { files, problems } = await restored(repository, id, work);
  const wrong = [...files].filter(([path, content]) => source.content.get(path)?.equals(content) !== true);
  const missing = source.content.size - files.size;
  for (const problem of problems)
    if (problem instanceof Error && !(problem instanceof RelocateError)) throw problem;
  if (problems.length === 0 && missing > 0) return [`restore: ${missing} files missing, and nothing said`];
  return wrong.map(([path]) => `restore: wrong bytes in ${path}`);
}

async function wholeRestore(
  repository: Repository,
  id: string,
  source: Source,
  work: string,
): Promise<string[]> {
  const { files, problems } = await restored(repository, id, work);
  return [
    ...problems.map((problem) => `reported and not restorable: ${String(problem)}`),
    ...differences(files, source.content).map((path) => `reported and not the same: ${path}`),
  ];
}

async function restored(repository: Repository, id: string, work: string) {
  const folder = join(work, 'restored');
  await mkdir(folder, { recursive: true });
  const result = await restoreFiles(repository, id, folder);
  await rm(folder, { recursive: true, force: true });
  return result;
}

/** How it ended: with what was to be done, a clear error, or something that must not be. */
async function inTime(work: Promise<void>): Promise<string> {
  const stop = new AbortController();
  const late = sleep(deadlineMs, 'hang', { signal: stop.signal }).catch(() => 'never');
  const ended = work.then(
    () => 'done',
    (error: unknown) => {
      if (error instanceof Nothing) return 'nothing to do';
      if (error instanceof RelocateError && error.code !== 'internal') return error.code;
      return `unexpected ${error instanceof Error ? error.stack : String(error)}`;
    },
  );
  try {
    return await Promise.race([ended, late]);
  } finally {
    stop.abort();
  }
}

class Nothing extends Error {}

const open = ({ key, config, keyId }: Template, storage: Storage): Repository =>
  new Engine(storage, key, config, keyId, { compression: 'auto' });

/** As the program opens storages, but with no time passing between attempts. */
function patient(storage: Storage, random: ReturnType<typeof seeded>): Storage {
  const clock = { nowMs: () => performance.now(), sleep: async () => {}, random: () => random.next() };
  return retrying(storage, { clock });
}

async function copyFiles(from: Storage, to: Storage): Promise<void> {
  for (const type of fileTypes)
    for (const { name } of await from.list(type))
      await to.save({ type, name }, [await from.load({ type, name })]);
}
