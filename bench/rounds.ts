import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataSet } from './data/data-set.ts';
import { assertRestored, contentOf, judgeRelocate, type Content } from './judge.ts';
import type { Machine } from './machine.ts';
import { freshSurroundings, measure, run } from './measure.ts';
import type { Measured } from './measured-run.ts';
import { dropCaches, preparePeer, type PeerName } from './peers.ts';
import type { Place } from './places.ts';

/** The first snapshot; the next one of the same; the next one with 1 % changed; the newest one restored. */
export const phases = ['first', 'unchanged', 'changed', 'restore'] as const;
export type Phase = (typeof phases)[number];

/** One command that was measured. */
export interface Run extends Measured {
  set: string;
  title: string;
  sizeBytes: number;
  place: string;
  round: number;
  peer: PeerName;
  phase: Phase;
  repositoryBytes: number;
}

export interface Comparison {
  set: DataSet;
  place: Place;
  programs: Readonly<Record<PeerName, string>>;
  peers: readonly PeerName[];
  phases: readonly Phase[];
  rounds: number;
  folder: string;
  machine: Machine;
  /** Stands before each command that is measured. */
  prefix: readonly string[];
  /** Set where the content and a copy of it would be too much for the machine's memory: it is made anew each time. */
  isMadeAnew?: boolean;
  onRun: (run: Run) => void;
}

/** Others who wait for the machine get it in between. */
const longestHoldMs = 45_000;

/**
 * All programs in turns, `rounds` times, each with a fresh repository; each round begins with another one. What was
 * restored is compared with what was saved, and restic judges what relocate wrote; none of that is measured.
 */
export async function compare(comparison: Comparison): Promise<void> {
  const { set, place, programs, peers, phases, rounds, folder, machine, isMadeAnew = false } = comparison;
  const data = join(folder, 'data');
  const make = async (): Promise<void> => {
    await mkdir(data);
    await set.make(data);
  };
  await make();
  const made = await contentOf(data);
  let changed: Content = made;
  if (phases.includes('changed')) {
    await set.change(data);
    changed = await contentOf(data);
    await set.changeBack(data);
  }
  const judge = async (): Promise<void> => {
    await machine.release();
    await judgeRelocate(programs.restic, { place, folder, expected: changed });
    await place.clear('relocate');
  };
  for (let round = 0; round < rounds; round += 1) {
    const order = peers.map((_, index) => peers[(index + round) % peers.length] ?? 'relocate');
    for (const name of order) {
      if (isMadeAnew && !existsSync(data)) await make();
      await machine.hold();
      await runPeer(name, round, { ...comparison, data, made, changed });
      await machine.release({ afterMs: longestHoldMs });
      if (phases.includes('changed')) await set.changeBack(data);
      // Of what is still to be judged one is enough in memory; and of what fills it, nothing.
      if (name !== 'relocate') await place.clear(name);
      else if (isMadeAnew) await judge();
    }
    if (peers.includes('relocate') && !isMadeAnew) await judge();
  }
  await machine.release();
  await rm(data, { recursive: true, force: true });
}

async function runPeer(
  name: PeerName,
  round: number,
  {
    set,
    place,
    programs,
    phases,
    folder,
    prefix,
    isMadeAnew = false,
    onRun,
    data,
    made,
    changed,
  }: Comparison & { data: string; made: Content; changed: Content },
): Promise<void> {
  const own = await freshSurroundings(join(folder, 'peer'));
  const peer = await preparePeer(name, programs[name], { place, folder: own, data });
  const target = join(own, 'restored');
  let content = made;
  for (const command of peer.init) await run(command, own);
  for (const phase of phases) {
    if (phase === 'changed') {
      await set.change(data);
      content = changed;
    }
    if (phase === 'restore') {
      await dropCaches(peer);
      if (isMadeAnew) await rm(data, { recursive: true });
    }
    const measured = await measure(phase === 'restore' ? peer.restore(target) : peer.save, own, prefix);
    onRun({
      set: set.name,
      title: set.title,
      sizeBytes: set.sizeBytes,
      place: place.name,
      round,
      peer: name,
      phase,
      ...measured,
      repositoryBytes: await place.sizeBytes(name),
    });
    if (phase === 'restore') await assertRestored(content, peer.restored(target), name);
  }
  await rm(own, { recursive: true });
}
