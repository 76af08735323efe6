import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Attempt } from '../../src/relocation/fallback.ts';
import type { DeployReport } from '../../src/relocation/types.ts';
import { type Fault, randomFault, startLab, whyNoMachines, type Lab } from '../lab/index.ts';
import { resultOf, relocate } from '../support/cli.ts';
import { loseApp } from '../support/deploy-app.ts';
import { deploymentsIn, expectGone, run, type Run, type Site } from '../support/deploy-runs.ts';
import { heldBy, placesThatServe } from '../support/lab-facts.ts';
import { hasPostgres } from '../support/postgres.ts';
import { seeded } from '../support/random.ts';
import { join } from 'node:path';

/** RELOCATE_TEST_DEPLOY_FAULT_RUNS=100 takes half an hour. */
const runs = Number(process.env['RELOCATE_TEST_DEPLOY_FAULT_RUNS'] ?? 2);
const firstSeed = Number(process.env['RELOCATE_TEST_SEED'] ?? 20_260_131);
const seeds = Array.from({ length: runs }, (_, index) => firstSeed + index);

const problem = whyNoMachines() ?? ((await hasPostgres()) ? undefined : 'needs PostgreSQL');
const suite = problem === undefined ? describe : describe.skip;

interface Refused {
  code: string;
  message: string;
  hint?: string;
}

suite(
  `a deploy to a provider where something goes wrong at a random moment${problem === undefined ? '' : ` (${problem})`}`,
  () => {
    let lab: Lab;
    let lost: Site;

    beforeAll(async () => {
      lab = await startLab();
      // Nobody waits here for what never comes as long as a person would.
      lost = { ...(await loseApp()), env: { ...lab.environment, RELOCATE_PATIENCE: '25' } };
    }, 180_000);

    afterAll(async () => {
      await lost.remove();
      await lab.close();
    });

    test.each(seeds)(
      'ends verified somewhere or with a clear reason, never serves twice, and leaves nothing (seed %i)',
      async (seed) => {
        const random = seeded(seed);
        const to = ['hetzner', 'hetzner,local'][random.int(2)] ?? '';
        const faults = Array.from({ length: random.int(5) === 0 ? 2 : 1 }, () =>
          randomFault(random.int(2 ** 31)),
        );
        const state = `state-${seed}`;
        const watch = watchServing();
        const result = await underFaults(faults, () => run({ ...lost, to }, 'deploy', state));
        const most = watch();
        const story = `seed ${seed} --to ${to} ${JSON.stringify(faults)}\nexit ${result.exitCode}: ${lastLine(result)}`;
        if (runs > 10) console.info(story.slice(0, 600));
        try {
          expect(most.filter((places) => new Set(places).size > 1)).toEqual([]);
          await expectOutcome(result, state);
        } catch (error) {
          throw new Error(`${story}\n${result.stderr.slice(-3_000)}\n${String(error)}`, { cause: error });
        } finally {
          await removeRest(state);
        }
        expect({ story, held: heldBy(lab) }).toEqual({ story, held: [] });
        await expectGone(lost, state);
      },
      400_000,
    );

    async function underFaults<T>(faults: readonly Fault[], work: () => Promise<T>): Promise<T> {
      // They count from now on.
      lab.faults.clear();
      for (const fault of faults) lab.faults.add(fault);
      try {
        return await work();
      } finally {
        lab.faults.clear();
        await lab.settled();
      }
    }

    /** Samples of where the app is served, until the returned function is called. */
    function watchServing(): () => string[][] {
      const samples: string[][] = [];
      const timer = setInterval(() => samples.push(placesThatServe(lab, lost.folder)), 200);
      return () => {
        clearInterval(timer);
        return samples;
      };
    }

    async function expectOutcome(result: Run, state: string): Promise<void> {
      if (result.exitCode === 1) {
        const { code, message, hint } = JSON.parse(lastLine(result)) as Refused;
        expect(code).not.toBe('internal');
        expect(message.length).toBeGreaterThan(20);
        expect(hint).toMatch(/\S/);
        // Whatever it says is left can be removed by what it says.
        if (hint?.includes('Nothing is left at any of them') === true) {
          expect(heldBy(lab)).toEqual([]);
          expect(deploymentsIn(lost, state)).toEqual([]);
        } else if (heldBy(lab).length > 0) {
          expect(hint).toContain('relocate destroy');
          expect(deploymentsIn(lost, state)).not.toEqual([]);
        }
        return;
      }
      const report = resultOf<DeployReport & { attempts?: Attempt[] }>({ ...result, signal: null });
      expect(report.outcome).toBe('passed');
      const left = (report.attempts ?? []).flatMap(({ leftBehind }) => leftBehind ?? []);
      expect(result.exitCode).toBe(left.length === 0 ? 0 : 3);
      for (const { command } of left) expect(command).toContain('relocate destroy --deployment');
      expect(placesThatServe(lab, lost.folder)).toHaveLength(1);
      if (report.target === 'local' && left.length === 0) expect(heldBy(lab)).toEqual([]);
    }

    /** What was written down is enough to remove it. */
    async function removeRest(state: string): Promise<void> {
      for (const deployment of deploymentsIn(lost, state)) {
        const places = ['-r', lost.repositoryUrl, '--state', join(lost.folder, state)];
        const destroyed = await relocate([...places, 'destroy', '--deployment', deployment, '--json'], {
          cwd: lost.folder,
          env: { ...lost.env },
        });
        expect(`${destroyed.exitCode} ${destroyed.stdout}`).toMatch(/^0 /);
      }
    }
  },
);

function lastLine({ stdout, stderr }: Run): string {
  return stdout.trimEnd().split('\n').at(-1) ?? stderr.slice(-500);
}
