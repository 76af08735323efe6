import { describe, expect, test } from '@jest/globals';
import type { StatusReport } from '../../src/report/status.ts';
import { statusOutcome, statusText } from '../../src/report/status.ts';
import { at } from './support/sample-report.ts';
import { sampleDeployment, sampleStatus } from './support/samples.ts';

const now = new Date(at(180_000));
const problem = {
  code: 'storage-failed',
  message: 'Nobody answers at sftp:nas.',
  hint: 'Is it switched on?',
};
const oldSnapshot: StatusReport['snapshot'] = {
  id: '4bf5a3c1',
  time: at(0),
  ageMs: 90_000_000,
  rpo: { objectiveMs: 86_400_000, measuredMs: 90_000_000, met: false },
};

describe('the outcome of status', () => {
  test.each<[string, Partial<StatusReport>, string]>([
    ['all checks pass and the snapshot is young enough', {}, 'passed'],
    [
      'nothing is deployed and no objective set',
      { deployments: [], snapshot: undefined, rpoMs: undefined },
      'passed',
    ],
    ['a check fails', { deployments: [sampleDeployment({ outcome: 'failed' })] }, 'failed'],
    [
      'one fails and the repository is out of reach as well',
      { deployments: [sampleDeployment({ outcome: 'failed' })], repositoryProblem: problem },
      'failed',
    ],
    [
      'a deployment could not be verified',
      { deployments: [sampleDeployment({ outcome: 'unverified' })] },
      'unverified',
    ],
    ['the repository is out of reach', { repositoryProblem: problem }, 'unverified'],
    ['the newest snapshot is older than the RPO allows', { snapshot: oldSnapshot }, 'unverified'],
    ['there is an RPO and no snapshot at all', { snapshot: undefined }, 'unverified'],
  ])('%s', (_title, changes, outcome) => {
    expect(statusOutcome(sampleStatus(changes))).toBe(outcome);
  });
});

describe('the text of status', () => {
  test('shows services, checks now, and the age of the newest snapshot', () => {
    expect(statusText(sampleStatus(), now)).toBe(`guestbook-local-20260131t120000: up, all checks pass
  deployed 3 min ago, from snapshot 4bf5a3c1 of 2026-01-31 11:59:00 UTC
  web  127.0.0.1:4000  running, since 2026-01-31 12:00:00 UTC (3 min ago)
  GET /healthz  passed  answered 200

Newest snapshot: 4bf5a3c1, 1 h ago (objective 24 h, met)`);
  });

  test.each([
    ['done', 'example.org: lead here'],
    ['switching', 'example.org: being moved here, NOT done. Go on with: relocate cutover --to local'],
    ['returning', 'example.org: being moved back, NOT done. Go on with: relocate cutover --rollback'],
  ] as const)('names whose cutover is %s are told, with the way to go on', (state, words) => {
    const deployments = [sampleDeployment({ names: { names: ['example.org'], state } })];
    expect(statusText(sampleStatus({ deployments }), now)).toContain(`\n  ${words}\n`);
  });

  test.each([
    ['stopped', 'STOPPED, log: /srv/host/logs/web.log'],
    ['crash-looping', 'ENDS again and again, log: /srv/host/logs/web.log'],
  ] as const)('a service that is %s says so, and where its log is', (state, words) => {
    const [web] = sampleDeployment().services;
    const deployment = sampleDeployment({
      outcome: 'failed',
      services: [{ ...web!, state, since: undefined }],
    });
    const text = statusText(sampleStatus({ deployments: [deployment] }), now);
    expect(text).toContain(words);
    expect(text).toContain('NOT as it should be');
  });

  test('a deploy that never ended says where it stopped and how to go on', () => {
    const deployment = sampleDeployment({
      state: 'unfinished',
      steps: ['restore db (postgres)'],
      checks: undefined,
      outcome: 'unverified',
      next: 'Go on with: relocate deploy --to local --resume',
    });
    const text = statusText(sampleStatus({ deployments: [deployment] }), now);
    expect(text).toContain('its deploy has NOT ended');
    expect(text).toContain('Was at: restore db (postgres)');
    expect(text).toContain('relocate deploy --to local --resume');
  });

  test('a repository out of reach is told with its reason, and nothing is claimed of snapshots', () => {
    const deployments = [sampleDeployment({ checks: undefined, outcome: 'unverified' })];
    const text = statusText(
      sampleStatus({ deployments, snapshot: undefined, repositoryProblem: problem }),
      now,
    );
    expect(text).toContain('up, its checks could not be run');
    expect(text).toContain('Newest snapshot: not known (objective 24 h)');
    expect(text).toContain('no check was run: Nobody answers at sftp:nas. Is it switched on?');
  });

  test('a missed objective and a missing snapshot are not overlooked', () => {
    expect(statusText(sampleStatus({ snapshot: oldSnapshot }), now)).toContain('(objective 24 h, MISSED)');
    const none = statusText(sampleStatus({ snapshot: undefined }), now);
    expect(none).toContain('there is NONE of guestbook (objective 24 h). Take one with: relocate snapshot');
  });
});
