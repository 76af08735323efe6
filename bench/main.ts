import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { DataSet } from './data/data-set.ts';
import { dataSet, growingText, setNames, type SetName } from './data/index.ts';
import { Machine } from './machine.ts';
import { findPeers, peerNames, type PeerName } from './peers.ts';
import { openPlace, placeNames, type PlaceName } from './places.ts';
import { profileRelocate, profileTables, type Profile } from './profile.ts';
import { readResults, writeProfiles, writeResults } from './results.ts';
import { compare, phases, type Comparison, type Phase, type Run } from './rounds.ts';
import { summarise } from './summary.ts';
import { memoryFolder, print } from './support.ts';
import { plainTable } from './tables.ts';

const help = `Usage: npm run bench -- [OPTIONS]

Compares relocate with restic, rustic and kopia: each in turn, with its defaults, several times, in memory. Builds
those that are not there (10 minutes, once; Go and Rust). What every program restores is compared with what it saved,
and restic checks and restores what relocate wrote.

  --sets NAMES      random, text, trees, growth (text, larger and larger); default: random,text,trees
  --growth SIZES    what growth means, in GiB; default: 1,2,4,8
  --places NAMES    local, s3 (a real S3 server on this machine), s3-30ms (the same, far away); default: local
  --peers NAMES     relocate, restic, rustic, kopia; default: all
  --phases NAMES    first, unchanged, changed (1 %), restore; default: all
  --rounds N        how often; default: 3
  --scale X         a part of each set, such as 0.25; default: 1, on S3 0.25
  --out FOLDER      keep results there, as results.json, tables.md and *.svg; others that are there stay
  --folder FOLDER   where all of it lies while it runs; default: in memory (/dev/shm)
  --wrap COMMAND    a command that runs the one behind it when nobody else is at work here, such as "flock FILE":
                    held while programs are measured, a minute or two at a time
  --prefix COMMAND  put directly before each program that is measured, such as "nice -n -10"
  --profile         tell by stage where relocate spends its time, instead of comparing (profile.md in --out)
  --render          measure nothing: make the tables and plots of what is in --out again
  --help

It takes 8 GiB of memory beside what the programs take (with growth 12), and 6 minutes a round for the defaults.
`;

const { values } = parseArgs({
  options: {
    sets: { type: 'string', default: setNames.join() },
    growth: { type: 'string', default: '1,2,4,8' },
    places: { type: 'string', default: 'local' },
    peers: { type: 'string', default: peerNames.join() },
    phases: { type: 'string', default: phases.join() },
    rounds: { type: 'string', default: '3' },
    scale: { type: 'string' },
    out: { type: 'string' },
    folder: { type: 'string', default: memoryFolder },
    wrap: { type: 'string', default: '' },
    prefix: { type: 'string', default: '' },
    profile: { type: 'boolean', default: false },
    render: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const wordsOf = (command: string): string[] => command.split(' ').filter((word) => word !== '');

/** Throws where a name is none of those known. */
function names<T extends string>(option: string, given: string, known: readonly T[]): T[] {
  return given.split(',').map((name) => {
    const found = known.find((one) => one === name);
    if (found === undefined) throw new Error(`--${option} ${name}: not one of ${known.join(', ')}`);
    return found;
  });
}

/** Above this, content and its copy do not lie in memory at once. */
const largestGib = 4;

interface Job {
  set: DataSet;
  placeName: PlaceName;
  phases: readonly Phase[];
  isMadeAnew: boolean;
}

function jobsOf(placeName: PlaceName): Job[] {
  const scale = Number(values.scale ?? (placeName === 'local' ? 1 : 0.25));
  const wanted = names<Phase>('phases', values.phases, phases);
  return names<SetName | 'growth'>('sets', values.sets, [...setNames, 'growth']).flatMap((name): Job[] => {
    if (name !== 'growth')
      return [{ set: dataSet(name, scale), placeName, phases: wanted, isMadeAnew: false }];
    return values.growth
      .split(',')
      .map(Number)
      .map((gib) => ({
        set: growingText(gib * scale),
        placeName,
        phases: wanted.filter((phase) => phase === 'first' || phase === 'restore'),
        isMadeAnew: gib * scale > largestGib,
      }));
  });
}

async function main(): Promise<void> {
  if (values.help) return print(help);
  const { out } = values;
  if (values.render) {
    if (out === undefined) throw new Error('--render: of what? Name the folder with --out');
    return writeResults(out, await readResults(out));
  }
  const peers = names<PeerName>('peers', values.peers, peerNames);
  const jobs = names<PlaceName>('places', values.places, placeNames).flatMap(jobsOf);
  // restic is also the judge of what relocate wrote.
  const programs = findPeers(values.profile ? ['relocate'] : [...new Set<PeerName>(['restic', ...peers])]);
  const machine = new Machine(wordsOf(values.wrap));
  const work = await mkdtemp(join(values.folder, 'relocate-bench-'));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      rmSync(work, { recursive: true, force: true });
      process.kill(process.pid, signal);
    });
  }
  try {
    const profiles: Profile[] = [];
    for (const job of jobs) {
      const folder = join(work, 'job');
      await mkdir(folder);
      const place = await openPlace(job.placeName, folder);
      try {
        if (values.profile)
          profiles.push(...(await profileRelocate(programs.relocate, { ...job, place, folder, machine })));
        else await compareJob({ ...job, place, programs, peers, folder, machine });
      } finally {
        await place.close();
        await rm(folder, { recursive: true, force: true });
      }
    }
    if (profiles.length > 0) print(profileTables(profiles));
    if (profiles.length > 0 && out !== undefined) await writeProfiles(out, profiles);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function compareJob(comparison: Omit<Comparison, 'rounds' | 'prefix' | 'onRun'>): Promise<void> {
  const { out } = values;
  const { set, place } = comparison;
  const runs: Run[] = [];
  const onRun = (run: Run): void => {
    runs.push(run);
    const took = `${(run.wallMs / 1000).toFixed(2)} s`;
    process.stderr.write(
      `${run.place} ${run.set} ${run.round + 1}/${values.rounds} ${run.peer} ${run.phase}: ${took}\n`,
    );
  };
  await compare({ ...comparison, rounds: Number(values.rounds), prefix: wordsOf(values.prefix), onRun });
  for (const group of summarise(runs)) print(`\n${plainTable(group)}`);
  if (out === undefined) return;
  const others = (await readResults(out)).filter((run) => run.set !== set.name || run.place !== place.name);
  await writeResults(out, [...others, ...runs]);
}

await main();
