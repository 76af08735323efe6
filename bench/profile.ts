import { spawn } from 'node:child_process';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataSet } from './data/data-set.ts';
import type { Machine } from './machine.ts';
import { freshSurroundings, run, surroundingsOf, type Command } from './measure.ts';
import { markdownTable } from './markdown.ts';
import { preparePeer } from './peers.ts';
import type { Place } from './places.ts';
import { readStageTimes, type StageTimes } from './stage-times.ts';

/** Where one run of relocate spent its time. Profiling itself costs some of it: for shares, not for comparisons. */
export interface Profile {
  title: string;
  wallMs: number;
  /** CPU time by the kind of thread, as the system counts it; also of those that run no JavaScript. */
  threadsMs: ReadonlyMap<string, number>;
  /** Time by stage in the main thread, and in all others that run JavaScript together. */
  main: StageTimes;
  workers: StageTimes;
}

/** A snapshot of a set and its restore. */
export async function profileRelocate(
  program: string,
  { set, place, folder, machine }: { set: DataSet; place: Place; folder: string; machine: Machine },
): Promise<Profile[]> {
  const data = join(folder, 'data');
  await mkdir(data);
  await set.make(data);
  const own = await freshSurroundings(join(folder, 'peer'));
  const relocate = await preparePeer('relocate', program, { place, folder: own, data });
  await machine.hold();
  for (const command of relocate.init) await run(command, own);
  const commands = [
    { title: `${set.name}: snapshot`, command: relocate.save },
    { title: `${set.name}: restore`, command: relocate.restore(join(own, 'restored')) },
  ];
  const profiles: Profile[] = [];
  for (const { title, command } of commands) profiles.push({ title, ...(await profile(command, own)) });
  await machine.release();
  await place.clear('relocate');
  await rm(own, { recursive: true });
  await rm(data, { recursive: true });
  return profiles;
}

const sampleMs = 50;
const tickMs = 10;

async function profile(
  { program, args, cwd, env }: Command,
  folder: string,
): Promise<Omit<Profile, 'title'>> {
  const profiles = join(folder, 'profiles');
  const startedAt = performance.now();
  const child = spawn(program, args, {
    cwd,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...surroundingsOf(folder), ...env, NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profiles}` },
  });
  const threads = new Map<string, { kind: string; cpuMs: number }>();
  const timer = setInterval(() => void sampleThreads(child.pid ?? 0, threads), sampleMs);
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  clearInterval(timer);
  const wallMs = performance.now() - startedAt;
  if (code !== 0) throw new Error(`relocate ${args.join(' ')} ended with ${String(code)}`);
  const [main = new Map<string, number>(), ...workers] = await readStageTimes(profiles);
  await rm(profiles, { recursive: true });
  return {
    wallMs,
    threadsMs: sumOf([...threads.values()].map(({ kind, cpuMs }) => new Map([[kind, cpuMs]]))),
    main,
    workers: sumOf(workers),
  };
}

async function sampleThreads(
  pid: number,
  threads: Map<string, { kind: string; cpuMs: number }>,
): Promise<void> {
  try {
    for (const id of await readdir(`/proc/${pid}/task`)) {
      const stat = await readFile(`/proc/${pid}/task/${id}/stat`, 'utf8');
      const [, name = ''] = /\((.*)\)/.exec(stat) ?? [];
      const fields = stat.replace(/^.*\) /, '').split(' ');
      const cpuMs = (Number(fields[11]) + Number(fields[12])) * tickMs;
      threads.set(id, { kind: id === String(pid) ? 'main thread' : (kinds[name] ?? 'other'), cpuMs });
    }
  } catch {
    // A thread, or the whole process, has ended meanwhile: what was seen last counts.
  }
}

const kinds: Record<string, string> = {
  WorkerThread: 'threads of relocate’s',
  'libuv-worker': 'file system calls (libuv)',
  'node-V8Worker': 'V8’s own (compiling, garbage)',
};

function sumOf(maps: readonly StageTimes[]): StageTimes {
  const sum = new Map<string, number>();
  for (const [key, value] of maps.flatMap((one) => [...one])) sum.set(key, (sum.get(key) ?? 0) + value);
  return sum;
}

const seconds = (ms: number | undefined): string =>
  ms === undefined || ms < 5 ? '' : (ms / 1000).toFixed(2);

/** Two Markdown tables: threads, then stages, with a column for each profile. */
export function profileTables(profiles: readonly Profile[]): string {
  const heading = ['seconds', ...profiles.map(({ title }) => title)];
  const rowsOf = (label: string, of: (profile: Profile) => StageTimes): string[][] => {
    const sums = [...sumOf(profiles.map(of))].filter(([, ms]) => ms >= 20).toSorted(([, a], [, b]) => b - a);
    return sums.map(([name]) => [`${label}${name}`, ...profiles.map((one) => seconds(of(one).get(name)))]);
  };
  const threads = markdownTable(heading, [
    ['wall time', ...profiles.map(({ wallMs }) => seconds(wallMs))],
    ...rowsOf('CPU: ', ({ threadsMs }) => threadsMs),
  ]);
  const stages = markdownTable(heading, [
    ...rowsOf('main: ', ({ main }) => main),
    ...rowsOf('threads: ', ({ workers }) => workers),
  ]);
  return `${threads}\n\n${stages}`;
}
