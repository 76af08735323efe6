import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DeployReport } from '../../src/relocation/types.ts';
import { loseApp, type LostApp } from '../support/deploy-app.ts';
import {
  atLine,
  clustersOf,
  deployKilledAt,
  deploymentsIn,
  expectGone,
  expectSame,
  isThorough,
  journalLines,
  kills,
  processesOf,
  reportOf,
  run,
  sample,
} from '../support/deploy-runs.ts';
import { hasPostgres } from '../support/postgres.ts';
import { seeded } from '../support/random.ts';

const seed = Number(process.env['RELOCATE_TEST_SEED'] ?? 20_260_131);

const canRun = process.platform === 'linux' && (await hasPostgres());
// Processes are counted in /proc, and an app with a database is what there is to lose.
const suite = canRun ? describe : describe.skip;

suite(
  `a deploy that is killed with SIGKILL (needs Linux and PostgreSQL; ${kills} kills, seed ${seed})`,
  () => {
    const random = seeded(seed);
    let app: LostApp;
    let undisturbed: DeployReport;
    let lines: string[];
    let wholeMs: number;

    beforeAll(async () => {
      app = await loseApp();
      const startedAt = performance.now();
      undisturbed = reportOf(await run(app, 'deploy', 'undisturbed'));
      wholeMs = performance.now() - startedAt;
      lines = journalLines(app, 'undisturbed');
    }, 120_000);

    afterAll(async () => {
      await run(app, 'destroy', 'undisturbed');
      expect(processesOf(join(app.folder, 'undisturbed'))).toEqual([]);
      await app.remove();
    }, 60_000);

    const destroyed = async (state: string) => {
      expect(await run(app, 'destroy', state)).toMatchObject({ exitCode: 0 });
      await expectGone(app, state);
    };

    test(`at ${isThorough ? 'every line' : `${kills} lines`} of its journal, and resumed each time, ends as an undisturbed one`, async () => {
      expect(undisturbed.outcome).toBe('passed');
      expect(lines.length).toBeGreaterThanOrEqual(20);
      const state = 'chain';
      const report = await deployKilledAt(app, state, isThorough ? lines : sample(lines, kills, random));
      expectSame(report, undisturbed, app);
      await expectAnswers(report);
      expect(deploymentsIn(app, state)).toHaveLength(1);
      expect(clustersOf(join(app.folder, state))).toHaveLength(1);
      await destroyed(state);
    }, 1_800_000);

    test(`at ${kills} random moments ends as an undisturbed one, and is destroyed without a trace`, async () => {
      let spanMs = wholeMs;
      for (let killed = 0, round = 1; killed < kills; round += 1) {
        expect(round).toBeLessThan(4 * kills);
        const state = `random-${round}`;
        const delayMs = random.next() * spanMs;
        const first = await run(app, 'deploy', state, () => sleep(delayMs));
        if (first.killed) {
          killed += 1;
          const again = deploymentsIn(app, state).length > 0 ? 'resume' : 'deploy';
          expectSame(reportOf(await run(app, again, state)), undisturbed, app);
        } else {
          // It ended before its moment came: the machine has become quicker.
          expectSame(reportOf(first), undisturbed, app);
          spanMs = delayMs;
        }
        await destroyed(state);
      }
    }, 3_600_000);

    test('at a random moment is destroyed without a trace, also when that is killed as well', async () => {
      const state = 'destroying';
      await run(app, 'deploy', state, () => sleep((0.4 + random.next() / 2) * wholeMs));
      for (let tries = 1; tries <= 3 && deploymentsIn(app, state).length > 0; tries += 1) {
        await run(app, 'destroy', state, () => sleep((tries / 4) * 0.6 * wholeMs));
      }
      if (deploymentsIn(app, state).length > 0) await destroyed(state);
      await expectGone(app, state);
    }, 180_000);

    test('whose journal is damaged is named by --resume and destroyed without a trace', async () => {
      const state = 'damaged';
      await run(app, 'deploy', state, atLine(app, state, new Set(['started restore:db'])));
      const [name = ''] = deploymentsIn(app, state);
      await truncate(join(app.folder, state, 'deployments', name, 'journal.jsonl'), 10);
      const resumed = await run(app, 'resume', state);
      expect(resumed).toMatchObject({
        exitCode: 1,
        stdout: expect.stringContaining('"code":"deployment-damaged"'),
      });
      await destroyed(state);
    }, 180_000);

    test('a second deploy at the same time is refused with exit 11, and disturbs nothing', async () => {
      const state = 'busy';
      const first = run(app, 'deploy', state);
      while (!journalLines(app, state).includes('started provision')) await sleep(20);
      const second = await run(app, 'deploy', state);
      expect(second.exitCode).toBe(11);
      expect(second.stdout).toContain('"code":"deployment-busy"');
      expectSame(reportOf(await first), undisturbed, app);
      await destroyed(state);
    }, 180_000);

    async function expectAnswers({ services, deployment }: DeployReport): Promise<void> {
      const web = services.find(({ name }) => name === 'web');
      const response = await fetch(`http://${web?.address}/`);
      expect(await response.json()).toEqual({ uploads: 40, archive: 1, database: true, deployment });
    }
  },
);
