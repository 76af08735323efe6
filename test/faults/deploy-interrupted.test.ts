import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataOutcome, DeployReport } from '../../src/relocation/types.ts';
import { loseApp, type LostApp } from '../support/deploy-app.ts';
import {
  atLine,
  deploymentsIn,
  expectGone,
  expectSame,
  isThorough,
  reportOf,
  run,
} from '../support/deploy-runs.ts';
import { hasPostgres } from '../support/postgres.ts';
import { setTimeout as sleep } from 'node:timers/promises';

const canRun = process.platform === 'linux' && (await hasPostgres());
const suite = canRun ? describe : describe.skip;

/** What the person was promised is 2 s; a crowded machine gets a little more to start and end processes. */
const patienceMs = 4_000;

suite('a deploy that is ended with Ctrl-C (needs Linux and PostgreSQL)', () => {
  let app: LostApp;
  let undisturbed: DeployReport;

  beforeAll(async () => {
    app = await loseApp();
    undisturbed = reportOf(await run(app, 'deploy', 'undisturbed'));
  }, 120_000);

  afterAll(async () => {
    await run(app, 'destroy', 'undisturbed');
    await app.remove();
  }, 60_000);

  const moments: [when: string, line: string, laterMs: number][] = [
    ['while the Pulumi engine works', 'started provision', 1_500],
    ['while a database is restored', 'started restore:db', 0],
    ['while services start', 'started start:web', 0],
  ];
  const moreMoments: typeof moments = [['while the checks run', 'started verify', 100]];

  test.each(isThorough ? [...moments, ...moreMoments] : moments)(
    '%s: exit 130 at once with the command to go on, which ends as an undisturbed one',
    async (_, line, laterMs) => {
      const state = line.replaceAll(/[^a-z]/g, '-');
      let interruptedAt = 0;
      const moment = async (ended: AbortSignal) => {
        await atLine(app, state, new Set([line]))(ended);
        await sleep(laterMs);
        interruptedAt = performance.now();
      };
      const result = await run(app, 'deploy', state, moment, 'SIGINT');
      expect(performance.now() - interruptedAt).toBeLessThan(patienceMs);
      expect(result.exitCode).toBe(130);
      const errors = result.stdout.split('\n').filter((text) => text.startsWith('{"type":"error"'));
      expect(errors).toHaveLength(1);
      expect(JSON.parse(errors[0] ?? '')).toMatchObject({
        code: 'interrupted',
        hint: expect.stringContaining('relocate deploy --to local --resume'),
      });
      const { data } = await writtenReport(app, state);
      if (line.startsWith('started start:')) expect(comparedIn(data)).toEqual(comparedIn(undisturbed.data));
      expectSame(reportOf(await run(app, 'resume', state)), undisturbed, app);
      expect(await run(app, 'destroy', state)).toMatchObject({ exitCode: 0 });
      await expectGone(app, state);
    },
    120_000,
  );
});

async function writtenReport(app: LostApp, state: string): Promise<DeployReport> {
  const [name = ''] = deploymentsIn(app, state);
  const text = await readFile(join(app.folder, state, 'deployments', name, 'report.json'), 'utf8');
  return JSON.parse(text) as DeployReport;
}

const comparedIn = (data: readonly DataOutcome[]) =>
  data.map(({ name, kind, outcome }) => ({ name, kind, outcome }));
