import type { SavedSource } from '../sources/source.ts';

/** Values that the stages hand each other. All of them serialise to JSON and hold no secrets unless said. */

/** /relocate.json of a snapshot. */
export interface Manifest {
  manifestVersion: 1;
  relocateVersion: string;
  app: string;
  hostname: string;
  /** The coordinated moment at which all sources were pinned. */
  capturedAt: string;
  /** Absolute folder of the app when it was captured. */
  folder: string;
  services: { kind: 'procfile' | 'compose'; file: string; names: string[] } | undefined;
  sources: SavedSource[];
  /** /app/code, when the app has a code folder: same shape as a source, kind `files`. */
  code: SavedSource | undefined;
  /** /images, for a Compose app: same shape as a source, kind `images`. */
  images?: SavedSource;
  /** Where the captured folders were, absolute, by their path in the snapshot: `{ "/app/code": "/srv/guestbook" }`. */
  folders?: Record<string, string>;
}

export interface SnapshotResult {
  snapshot: string;
  time: string;
  repository: string;
  durationMs: number;
  processedBytes: number;
  addedBytes: number;
  addedPackedBytes: number;
  files: number;
  sources: SavedSource[];
  /** Non-empty means exit 3: what is in the snapshot is right, but something is missing from it. */
  problems: { source: string; path: string; reason: string }[];
  /** One for each repository that was to get the snapshot. */
  copies: CopyOutcome[];
}

export interface CopyOutcome {
  url: string;
  /** Whom it depends on; see storage/providers.ts. */
  provider: string;
  /** The snapshot's ID there; absent where it did not get there, and `error` says why. */
  snapshot?: string;
  error?: { code: string; message: string; hint?: string };
  /** Earlier snapshots of the app that other copies have and this one lacks. */
  lacking: number;
}

/** The steps a deploy would take. Nothing has happened yet. */
export interface Plan {
  planVersion: 1;
  app: string;
  target: string;
  deployment: string;
  folder: string;
  snapshot: { id: string; time: string; sizeBytes: number; ageMs: number };
  steps: PlanStep[];
  environment: EnvironmentChange[];
  /** Sum over steps; undefined while nothing was ever measured. */
  expectedMs: number | undefined;
  /** Where the Compose file will lie, absolute, for an app that has one. */
  composeFile?: string;
}

export type Phase = 'preflight' | 'provision' | 'restore' | 'start' | 'verify';

export interface PlanStep {
  /** Unique in the plan and stable over runs, e.g. `restore:db`. The journal speaks of steps by it. */
  id: string;
  phase: Phase;
  title: string;
  sizeBytes?: number;
  expectedMs?: number;
}

/** One variable of the app's environment that is different at the new place. Values are fit to be shown: no passwords. */
export interface EnvironmentChange {
  name: string;
  before: string | undefined;
  after: string;
}

export type Outcome = 'passed' | 'failed' | 'unverified';

export interface VerifyResult {
  outcome: Outcome;
  checks: CheckOutcome[];
  data: DataOutcome[];
}

export interface CheckOutcome {
  title: string;
  outcome: Outcome;
  /** What was seen; for a failure also what was expected. */
  detail: string;
  durationMs: number;
}

export interface DataOutcome {
  name: string;
  kind: string;
  outcome: Outcome;
  /** Facts compared, and those that differ. */
  facts: number;
  differences: { fact: string; expected: string; actual: string }[];
  detail: string;
  durationMs: number;
}

/** All that is to be said of a deploy, for every kind of report. */
export interface DeployReport {
  reportVersion: 1;
  relocateVersion: string;
  app: string;
  target: string;
  deployment: string;
  folder: string;
  snapshot: { id: string; time: string; sizeBytes: number; repository: string; hostname: string };
  startedAt: string;
  finishedAt: string;
  /** `failed` also when the deploy ended before it could verify. */
  outcome: Outcome;
  /** Set when a step failed. */
  failure?: { step: string; message: string; hint?: string };
  phases: PhaseReport[];
  /** Steps inside the phases, for the bars. */
  steps: StepReport[];
  objectives: { rto: ObjectiveReport; rpo: ObjectiveReport };
  restored: { name: string; kind: string; sizeBytes: number; items: number; durationMs: number }[];
  /** Sources that were held against the snapshot before the deploy ended. */
  data: DataOutcome[];
  /** Undefined: the deploy ended before any was run. */
  checks: CheckOutcome[] | undefined;
  /** Where the services answer now. */
  services: { name: string; address: string; pid?: number }[];
  environment: EnvironmentChange[];
  /** What did not come back or could not be checked, in words. */
  gaps: string[];
}

export interface PhaseReport {
  phase: Phase;
  startedAt: string;
  durationMs: number;
  outcome: 'done' | 'failed' | 'not reached';
}

export interface StepReport extends Omit<PhaseReport, 'outcome'> {
  id: string;
  title: string;
  outcome: 'done' | 'failed' | 'resumed' | 'not reached';
  sizeBytes?: number;
}

export interface ObjectiveReport {
  /** Undefined: none was set. */
  objectiveMs: number | undefined;
  measuredMs: number;
  /** Undefined where there is no objective. */
  met: boolean | undefined;
}
