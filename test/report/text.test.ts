import { describe, expect, test } from '@jest/globals';
import { deployText, planText } from '../../src/report/deploy.ts';
import { snapshotsTable, snapshotSummary } from '../../src/report/snapshot.ts';
import { table } from '../../src/report/table.ts';
import { displayWidth } from '../../src/ui/format.ts';
import { emptyReport, failedReport, sampleReport } from './support/sample-report.ts';
import { samplePlan, sampleSnapshot } from './support/samples.ts';

const path = '/srv/report.html';

describe('the end of a deploy', () => {
  test('fits one glance: verdict, address, phases, objectives, what was compared, the page', () => {
    expect(deployText(sampleReport(), path)).toBe(`guestbook is back and verified.
web answers on 127.0.0.1:4000

preflight  done  100 ms
provision  done  4.9 s
restore    done  2.5 s
start      done  500 ms
verify     done  2.0 s

RTO 10 s of 10 min, met · RPO 1 h of 24 h, met
1 of 1 source equal to the snapshot, 1 of 1 check passed

db (postgres)  passed  12 facts as at capture
GET /healthz   passed  http://127.0.0.1:4000/healthz answered 200

Report: /srv/report.html`);
  });

  test.each([
    [sampleReport({ outcome: 'unverified' }), 'guestbook is back, but not verified.'],
    [sampleReport({ outcome: 'failed' }), 'guestbook is up, but NOT as it should be.'],
    [failedReport(), 'guestbook is NOT back.'],
  ])('%#: nothing less than verified is called verified', (report, headline) => {
    expect(deployText(report, path).split('\n')[0]).toBe(headline);
  });

  test('says what failed louder than what passed', () => {
    const report = sampleReport({ outcome: 'failed', gaps: ['a file was unreadable'] });
    report.checks![0]!.outcome = 'failed';
    report.data[0]!.outcome = 'unverified';
    report.objectives.rto.met = false;
    const text = deployText(report, path);
    expect(text).toContain('GET /healthz   FAILED');
    expect(text).toContain('db (postgres)  not verified');
    expect(text).toContain('0 of 1 source equal to the snapshot, 0 of 1 check passed');
    expect(text).toContain('RTO 10 s of 10 min, MISSED');
    expect(text).toContain('Not restored or not verified:\n  a file was unreadable');
  });

  test('with nothing in it has no holes', () => {
    const text = deployText(emptyReport(), path);
    expect(text).not.toMatch(/NaN|undefined|Infinity/);
    expect(text).toContain('RTO 0 ms, no objective set');
    expect(text).toContain('no source to look at, no check to look at');
  });
});

describe('a plan', () => {
  test('shows steps, sizes, expected times and the environment, and promises no time it does not know', () => {
    const text = planText(samplePlan());
    expect(text).toContain('guestbook to local, from snapshot 4bf5a3c1 (1 h ago, 2.4 MiB)');
    expect(text).toContain('restore    restore db                     2.4 MiB  about 4.0 s');
    expect(text).toContain('PORT=<port of web>');
    expect(text).toContain('About 4.0 s in all.');
    expect(planText({ ...samplePlan(), expectedMs: undefined })).toContain('known after the first deploy');
  });
});

describe('a snapshot', () => {
  test('that lacks something says so, and does not flood the terminal', () => {
    const problems = Array.from({ length: 50 }, (_, n) => ({
      source: 'db',
      path: `/f${n}`,
      reason: 'EACCES',
    }));
    const text = snapshotSummary(sampleSnapshot({ problems }));
    expect(text).toContain('Not complete: 50 problems.');
    expect(text).toContain('  … and 30 more (all of them with --json)');
    expect(text.split('\n').length).toBeLessThan(30);
  });

  test('that is whole speaks of no problem', () => {
    expect(snapshotSummary(sampleSnapshot())).not.toContain('problem');
  });

  test('where there is none, the way to the first is told', () => {
    expect(snapshotsTable([])).toContain('relocate snapshot');
  });
});

describe('a table', () => {
  test('keeps its columns under wide names, emoji and short rows', () => {
    const text = table([['漢字', 'a'], ['👩‍👩‍👧 ok', 'bb', 'c'], ['plain'], []], ['Name', 'Two']);
    const starts = text.split('\n').flatMap((line) => {
      const second = /(a|bb|Two)/.exec(line.slice(3));
      return second ? [displayWidth(line.slice(0, second.index + 3))] : [];
    });
    expect(new Set(starts).size).toBe(1);
  });

  test('of nothing is nothing', () => {
    expect(table([])).toBe('');
  });
});
