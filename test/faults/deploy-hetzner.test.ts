import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { DeployReport } from '../../src/relocation/types.ts';
import { startLab, whyNoMachines, type Lab } from '../lab/index.ts';
import { loseApp } from '../support/deploy-app.ts';
import {
  deployKilledAt,
  deploymentsIn,
  expectGone,
  expectSame,
  isThorough,
  journalLines,
  killsOr,
  reportOf,
  run,
  sample,
  type Site,
} from '../support/deploy-runs.ts';
import { heldBy, serversThatServe } from '../support/lab-facts.ts';
import { hasPostgres } from '../support/postgres.ts';
import { seeded } from '../support/random.ts';

const seed = Number(process.env['RELOCATE_TEST_SEED'] ?? 20_260_131);
/** Each costs half a minute on a busy machine. */
const kills = killsOr(2);

const problem = whyNoMachines() ?? ((await hasPostgres()) ? undefined : 'needs PostgreSQL');
const suite = problem === undefined ? describe : describe.skip;

suite(
  `a deploy to a machine of the lab that is killed here, with engine and plugin${problem === undefined ? '' : ` (${problem})`}`,
  () => {
    let lab: Lab;
    let site: Site;
    let undisturbed: DeployReport;
    let lines: string[];

    beforeAll(async () => {
      lab = await startLab();
      site = { ...(await loseApp()), to: 'hetzner', env: lab.environment };
      undisturbed = reportOf(await run(site, 'deploy', 'undisturbed'));
      lines = journalLines(site, 'undisturbed');
      expect(await run(site, 'destroy', 'undisturbed')).toMatchObject({ exitCode: 0 });
    }, 300_000);

    afterAll(async () => {
      await site.remove();
      await lab.close();
    });

    test(`at ${isThorough ? 'every line' : `${kills} lines`} of its journal (seed ${seed}), and resumed each time, makes one server and ends as an undisturbed one`, async () => {
      expect(undisturbed.outcome).toBe('passed');
      expect(lines.length).toBeGreaterThanOrEqual(20);
      const before = lab.requests.length;
      const chosen = isThorough ? lines : sample(lines, kills, seeded(seed));
      const report = await deployKilledAt(site, 'chain', chosen);
      expectSame(report, undisturbed, site);
      const made = lab.requests
        .slice(before)
        .filter(({ method, path, status }) => method === 'POST' && path === '/servers' && status < 300);
      expect(made).toHaveLength(1);
      expect(serversThatServe(lab)).toHaveLength(1);
      expect(deploymentsIn(site, 'chain')).toHaveLength(1);
      expect(await run(site, 'destroy', 'chain')).toMatchObject({ exitCode: 0 });
      expect(heldBy(lab)).toEqual([]);
      await expectGone(site, 'chain');
    }, 3_600_000);
  },
);
