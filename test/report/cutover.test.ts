import { expect, test } from '@jest/globals';
import type { CutoverReport } from '../../src/relocation/cutover-work.ts';
import { cutoverText } from '../../src/report/cutover.ts';

const report: CutoverReport = {
  cutoverVersion: 1,
  action: 'cutover',
  app: 'guestbook',
  zone: 'example.com',
  provider: 'hetzner',
  target: 'hetzner',
  deployment: 'guestbook-hetzner-20260131t120000',
  dryRun: false,
  startedAt: '2026-01-31T12:00:00.000Z',
  finishedAt: '2026-01-31T12:01:05.000Z',
  outcome: 'passed',
  names: [
    {
      name: 'example.com',
      before: [{ name: 'example.com', type: 'A', ttlSeconds: 3600, values: ['192.0.2.1', '192.0.2.2'] }],
      after: [{ name: 'example.com', type: 'A', ttlSeconds: 60, values: ['198.51.100.7'] }],
      changed: true,
    },
    { name: 'www.example.com', before: [], after: [], changed: false },
  ],
  servers: [{ server: 'ns1.example.com', outcome: 'passed', detail: 'gives the wanted answers' }],
  checks: [{ title: 'GET / of example.com', outcome: 'passed', detail: 'answers 200', durationMs: 5 }],
  cachesUntil: '2026-01-31T12:01:00.000Z',
  next: 'Go back with: relocate cutover --rollback',
};

test('the end of a cutover fits one glance', () => {
  expect(cutoverText(report)).toBe(`The names lead to the target (hetzner):
  example.com      A 192.0.2.1, 192.0.2.2 3600 s  → A 198.51.100.7 60 s
  www.example.com  nothing                        (stays)

Name servers:
  passed  ns1.example.com  gives the wanted answers

Checks:
  passed  GET / of example.com  answers 200

Verified. It took 1 min 05 s.
Go back with: relocate cutover --rollback`);
});

test('nothing less than verified is called verified, and caches are told', () => {
  const text = cutoverText({ ...report, outcome: 'unverified', cachesUntil: '2026-01-31T13:00:00.000Z' });
  expect(text).toContain('Not all could be verified.');
  expect(text).toContain('Caches may give the answers from before until 2026-01-31T13:00:00.000Z.');
  expect(cutoverText({ ...report, outcome: 'failed' })).toContain('It does not work as it should.');
  expect(cutoverText({ ...report, dryRun: true })).toMatch(/^Nothing was changed. This would be/);
  expect(cutoverText({ ...report, dryRun: true })).not.toContain('Verified');
});
