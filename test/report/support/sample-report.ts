import type { DeployReport, Phase, StepReport } from '../../../src/relocation/types.ts';

const startMs = Date.parse('2026-01-31T12:00:00.000Z');

export function at(ms: number): string {
  return new Date(startMs + ms).toISOString();
}

function step(id: string, phase: Phase, fromMs: number, durationMs: number, title = id): StepReport {
  return { id, phase, title, startedAt: at(fromMs), durationMs, outcome: 'done' };
}

/** A deploy that went well: every section of the report has something to show. */
export function sampleReport(changes: Partial<DeployReport> = {}): DeployReport {
  const steps = [
    step('preflight', 'preflight', 0, 100, 'ask whether local can take it'),
    step('provision', 'provision', 100, 4000, 'bring up local'),
    step('database:db', 'provision', 4100, 900, 'serve the database of db'),
    step('restore:db', 'restore', 5000, 2000, 'restore db (postgres)'),
    step('compare:db', 'restore', 7000, 500, 'compare db with the snapshot'),
    step('start:web', 'start', 7500, 500, 'start web'),
    step('verify', 'verify', 8000, 2000, 'run the checks'),
  ];
  return {
    reportVersion: 1,
    relocateVersion: '0.1.0',
    app: 'guestbook',
    target: 'local',
    deployment: 'guestbook-local-20260131t120000',
    folder: '/srv/deployments/guestbook/host',
    snapshot: {
      id: '4bf5a3c1'.repeat(8),
      time: at(-3_600_000),
      sizeBytes: 1_500_000,
      repository: 'file:/srv/backups',
      hostname: 'old-host',
    },
    startedAt: at(0),
    finishedAt: at(10_000),
    outcome: 'passed',
    phases: [
      { phase: 'preflight', startedAt: at(0), durationMs: 100, outcome: 'done' },
      { phase: 'provision', startedAt: at(100), durationMs: 4900, outcome: 'done' },
      { phase: 'restore', startedAt: at(5000), durationMs: 2500, outcome: 'done' },
      { phase: 'start', startedAt: at(7500), durationMs: 500, outcome: 'done' },
      { phase: 'verify', startedAt: at(8000), durationMs: 2000, outcome: 'done' },
    ],
    steps,
    objectives: {
      rto: { objectiveMs: 600_000, measuredMs: 10_000, met: true },
      rpo: { objectiveMs: 86_400_000, measuredMs: 3_600_000, met: true },
    },
    restored: [{ name: 'db', kind: 'postgres', sizeBytes: 1_500_000, items: 3500, durationMs: 2000 }],
    checks: [
      {
        title: 'GET /healthz',
        outcome: 'passed',
        detail: 'http://127.0.0.1:4000/healthz answered 200',
        durationMs: 40,
      },
    ],
    data: [
      {
        name: 'db',
        kind: 'postgres',
        outcome: 'passed',
        facts: 12,
        differences: [],
        detail: '12 facts as at capture',
        durationMs: 500,
      },
    ],
    services: [{ name: 'web', address: '127.0.0.1:4000', pid: 4711 }],
    environment: [{ name: 'PORT', before: '3000', after: '4000' }],
    gaps: [],
    ...changes,
  };
}

/** A deploy that ended while it restored the database. */
export function failedReport(): DeployReport {
  const sample = sampleReport();
  const reached = (phase: Phase) => ['preflight', 'provision', 'restore'].includes(phase);
  return {
    ...sample,
    outcome: 'failed',
    failure: {
      step: 'restore:db',
      message: 'pg_restore ended with exit code 1',
      hint: 'Go on with --resume',
    },
    steps: sample.steps.map((one) =>
      one.id === 'restore:db'
        ? { ...one, outcome: 'failed' }
        : one.id !== 'compare:db' && reached(one.phase)
          ? { ...one, outcome: 'resumed' }
          : { ...one, outcome: 'not reached', durationMs: 0 },
    ),
    phases: sample.phases.map((one) =>
      one.phase === 'restore'
        ? { ...one, outcome: 'failed' }
        : reached(one.phase)
          ? one
          : { ...one, outcome: 'not reached', durationMs: 0 },
    ),
    objectives: {
      rto: { objectiveMs: 600_000, measuredMs: 10_000, met: false },
      rpo: { objectiveMs: undefined, measuredMs: 3_600_000, met: undefined },
    },
    restored: [],
    data: [],
    checks: undefined,
    services: [],
    gaps: ['The deploy ended before all was restored, started and checked.'],
  };
}

/** Nothing but what must be there. */
export function emptyReport(): DeployReport {
  const nothing = { objectiveMs: undefined, measuredMs: 0, met: undefined };
  return sampleReport({
    finishedAt: at(0),
    outcome: 'unverified',
    phases: [],
    steps: [],
    objectives: { rto: nothing, rpo: nothing },
    restored: [],
    data: [],
    checks: [],
    services: [],
    environment: [],
  });
}
