import { expect, test } from '@jest/globals';
import { deployText, planText } from '../../src/report/deploy.ts';
import { destroyText } from '../../src/report/destroy.ts';
import { listing } from '../../src/report/listing.ts';
import {
  checkText,
  keysTable,
  restoreText,
  showText,
  snapshotsTable,
  snapshotSummary,
} from '../../src/report/snapshot.ts';
import { statusText } from '../../src/report/status.ts';
import type { Node } from '../../src/repository/tree.ts';
import { hostileStrings, unfit, withHostileStrings } from './support/hostile.ts';
import { at, failedReport, sampleReport } from './support/sample-report.ts';
import {
  sampleDeployment,
  sampleManifest,
  samplePlan,
  sampleSnapshot,
  sampleSource,
  sampleStatus,
  storedSnapshot,
} from './support/samples.ts';

/** Every text that a command writes, made of values whose strings all are `name`; `lines`: how many it has then. */
function textsWith(name: string): Record<string, string> {
  const taint = <T>(value: T): T => withHostileStrings(value, name, ['outcome', 'phase', 'state', 'type']);
  const problems = [{ source: name, path: name, reason: name }];
  const node = taint({ type: 'file', mode: 0o644, size: 1, mtime: at(0) }) as Node;
  const damaged = sampleDeployment({ state: 'unfinished', steps: [name], next: name });
  const stopped = sampleDeployment().services.map((one) => ({
    ...one,
    state: 'stopped' as const,
    lastExit: name,
  }));
  const problem = { code: name, message: name, hint: name };
  return {
    plan: planText(taint(samplePlan())),
    deploy: deployText(taint(sampleReport({ gaps: [name] })), name),
    'deploy that failed': deployText(taint(failedReport()), name),
    destroy: destroyText(
      taint({ destroyed: [{ deployment: '', app: '', target: '', durationMs: 1 }] }),
      name,
    ),
    listing: listing({ path: Buffer.from(name), node }),
    snapshot: snapshotSummary(taint(sampleSnapshot({ problems }))),
    snapshots: snapshotsTable([taint(storedSnapshot())]),
    show: showText(
      { ...taint(sampleManifest()), sources: [taint(sampleSource({ problems }))] },
      taint(storedSnapshot()),
    ),
    check: checkText(
      taint({ errors: [''], hints: [''], packs: 1, blobs: 1, snapshots: 1, readPacks: 1, readBytes: 1 }),
    ),
    keys: keysTable([taint({ id: '', current: true, username: '', hostname: '', created: '' })]),
    restore: restoreText(
      taint({
        files: 1,
        directories: 0,
        symlinks: 0,
        sizeBytes: 1,
        tree: '',
        problems,
        target: '',
        durationMs: 1,
      }),
    ),
    status: statusText(
      taint(
        sampleStatus({
          deployments: [damaged, { ...damaged, services: stopped }],
          repositoryProblem: problem,
        }),
      ),
      new Date(),
    ),
    'status without snapshots': statusText(taint(sampleStatus({ snapshot: undefined })), new Date()),
  };
}

const plain = textsWith('plain');

test.each(Object.keys(plain))(
  '%s: no name moves the cursor, colours the terminal, or adds a line',
  (what) => {
    for (const hostile of hostileStrings) {
      const text = textsWith(hostile)[what] ?? '';
      for (const line of text.split('\n')) expect(line).not.toMatch(unfit);
      expect(text.split('\n')).toHaveLength((plain[what] ?? '').split('\n').length);
    }
  },
);
