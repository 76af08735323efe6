import { setNames } from './data/index.ts';
import { peerNames, type PeerName } from './peers.ts';
import { phases, type Phase, type Run } from './rounds.ts';
import { median } from './statistics.ts';

/** What one program took for one phase, over all rounds. */
export interface Row {
  peer: PeerName;
  /** Seconds, one a round. */
  wall: readonly number[];
  cpuSeconds: number;
  /** The part of it that the system worked. */
  systemSeconds: number;
  peakMib: number;
  repositoryMb: number;
  /** Its wall time by relocate's in the same round, the median of all rounds: 2 says that relocate takes half. */
  ratio: number;
}

/** All programs side by side: one phase of one set in one place. */
export interface Group {
  place: string;
  set: string;
  title: string;
  sizeBytes: number;
  phase: Phase;
  rows: readonly Row[];
}

/** Set by set, each as it goes: the first snapshot, the next ones, the restore. */
const order = ({ set, phase }: Group): number => {
  const at = setNames.findIndex((name) => name === set);
  return (at < 0 ? setNames.length : at) * phases.length + phases.indexOf(phase);
};

export function summarise(runs: readonly Run[]): Group[] {
  const groups = Map.groupBy(runs, ({ place, set, phase }) => `${place} ${set} ${phase}`);
  return [...groups.values()]
    .flatMap((group) => {
      const [first] = group;
      if (first === undefined) return [];
      const { place, set, title, sizeBytes, phase } = first;
      const of = (peer: PeerName) => group.filter((run) => run.peer === peer);
      const rows = peerNames
        .filter((peer) => of(peer).length > 0)
        .map((peer) => rowOf(of(peer), of('relocate')));
      return [{ place, set, title, sizeBytes, phase, rows }];
    })
    .toSorted((a, b) => order(a) - order(b));
}

function rowOf(runs: readonly Run[], ours: readonly Run[]): Row {
  const ratios = runs.flatMap(({ round, wallMs }) => {
    const other = ours.find((run) => run.round === round);
    return other === undefined ? [] : [wallMs / other.wallMs];
  });
  return {
    peer: runs[0]?.peer ?? 'relocate',
    wall: runs.map(({ wallMs }) => wallMs / 1000),
    cpuSeconds: median(runs.map(({ cpuMs }) => cpuMs / 1000)),
    systemSeconds: median(runs.map(({ systemMs }) => systemMs / 1000)),
    peakMib: Math.max(...runs.map(({ peakBytes }) => peakBytes / 1024 ** 2)),
    repositoryMb: median(runs.map(({ repositoryBytes }) => repositoryBytes / 1e6)),
    ratio: median(ratios),
  };
}
