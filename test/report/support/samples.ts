import type { Manifest, Plan, SnapshotResult } from '../../../src/relocation/types.ts';
import type { DeploymentStatus } from '../../../src/relocation/status.ts';
import type { StatusReport } from '../../../src/report/status.ts';
import type { StoredSnapshot } from '../../../src/repository/types.ts';
import type { SavedSource } from '../../../src/sources/source.ts';
import { at } from './sample-report.ts';

export function sampleSource(changes: Partial<SavedSource> = {}): SavedSource {
  return {
    name: 'db',
    kind: 'postgres',
    path: '/data/db',
    startedAt: at(0),
    durationMs: 1200,
    sizeBytes: 2_500_000,
    items: 3500,
    fingerprint: { takenAt: at(0), facts: { 'rows of public.entry': 3500 } },
    details: {},
    tools: { pg_dump: '15.18' },
    problems: [],
    ...changes,
  };
}

export function sampleSnapshot(changes: Partial<SnapshotResult> = {}): SnapshotResult {
  return {
    snapshot: '4bf5a3c1'.repeat(8),
    time: at(0),
    repository: 'file:/srv/backups',
    durationMs: 2400,
    processedBytes: 2_500_000,
    addedBytes: 1024,
    addedPackedBytes: 512,
    files: 3,
    sources: [sampleSource()],
    problems: [],
    copies: [
      { url: 'file:/srv/backups', provider: 'this machine', snapshot: '4bf5a3c1'.repeat(8), lacking: 0 },
    ],
    ...changes,
  };
}

export function storedSnapshot(): StoredSnapshot {
  return {
    id: '4bf5a3c1'.repeat(8),
    time: at(0),
    tree: 'ab'.repeat(32),
    paths: ['/'],
    hostname: 'old-host',
    tags: ['relocate', 'app=guestbook'],
  };
}

export function sampleManifest(): Manifest {
  return {
    manifestVersion: 1,
    relocateVersion: '0.1.0',
    app: 'guestbook',
    hostname: 'old-host',
    capturedAt: at(0),
    folder: '/srv/guestbook',
    services: undefined,
    sources: [sampleSource({ problems: [{ path: '/a', reason: 'EACCES' }] })],
    code: undefined,
  };
}

export function samplePlan(): Plan {
  return {
    planVersion: 1,
    app: 'guestbook',
    target: 'local',
    deployment: 'guestbook-local-20260131t120000',
    folder: '/srv/host',
    snapshot: { id: '4bf5a3c1'.repeat(8), time: at(0), sizeBytes: 2_500_000, ageMs: 3_600_000 },
    steps: [
      { id: 'preflight', phase: 'preflight', title: 'ask whether local can take it' },
      { id: 'restore:db', phase: 'restore', title: 'restore db', sizeBytes: 2_500_000, expectedMs: 4000 },
    ],
    environment: [{ name: 'PORT', before: '3000', after: '<port of web>' }],
    expectedMs: 4000,
  };
}

export function sampleDeployment(changes: Partial<DeploymentStatus> = {}): DeploymentStatus {
  return {
    deployment: 'guestbook-local-20260131t120000',
    app: 'guestbook',
    target: 'local',
    startedAt: at(0),
    snapshot: { id: '4bf5a3c1'.repeat(8), time: at(-60_000) },
    state: 'up',
    steps: [],
    services: [
      {
        name: 'web',
        state: 'running',
        pid: 4711,
        supervisorPid: 4710,
        restarts: 0,
        since: at(0),
        lastExit: undefined,
        logPath: '/srv/host/logs/web.log',
        address: '127.0.0.1:4000',
      },
    ],
    checks: [{ title: 'GET /healthz', outcome: 'passed', detail: 'answered 200', durationMs: 4 }],
    outcome: 'passed',
    next: undefined,
    ...changes,
  };
}

export function sampleStatus(changes: Partial<StatusReport> = {}): StatusReport {
  return {
    app: 'guestbook',
    rpoMs: 86_400_000,
    repositoryProblem: undefined,
    deployments: [sampleDeployment()],
    snapshot: {
      id: '4bf5a3c1'.repeat(8),
      time: at(0),
      ageMs: 3_600_000,
      rpo: { objectiveMs: 86_400_000, measuredMs: 3_600_000, met: true },
    },
    ...changes,
  };
}
