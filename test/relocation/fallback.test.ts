import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { local } from '../../stacks/local.ts';
import type { Finding, Target } from '../../stacks/target.ts';
import { RelocateError } from '../../src/errors.ts';
import type { DeployOptions } from '../../src/relocation/deploy.ts';
import { deploy } from '../../src/relocation/deploy.ts';
import { deploymentNames, readDeployments } from '../../src/relocation/deployments.ts';
import { destroy } from '../../src/relocation/destroy.ts';
import { deployToFirst } from '../../src/relocation/fallback.ts';
import type { Repository } from '../../src/repository/repository.ts';
import { sourceOf } from '../../src/sources/index.ts';
import { loseApp, schemas, type LostApp } from '../support/deploy-app.ts';
import { processesOf } from '../support/deploy-runs.ts';
import { hasPostgres } from '../support/postgres.ts';

const suite = process.platform === 'linux' && (await hasPostgres()) ? describe : describe.skip;

/** This machine under another name, with trouble of its own: engine, data and services are real. */
function elsewhere(name: string, trouble: Partial<Target> = {}): Target {
  return { ...(local as Target), name, ...trouble };
}

const refusing = (message: string): Partial<Target> => ({
  preflight: async (): Promise<Finding[]> => [{ level: 'refused', code: 'quota', message }],
});

/** Its provider says no to the real engine while it makes things: the folder is somebody else's. */
const breaking: Partial<Target> = {
  program: (options, request) => (local as Target).program(options, { ...request, folder: tmpdir() }),
};
const brokenReason = 'is not empty and not this deployment';

suite('of several targets (needs Linux and PostgreSQL)', () => {
  let app: LostApp;
  let repository: Repository;
  let count = 0;

  beforeAll(async () => {
    app = await loseApp();
    repository = await app.open();
  }, 120_000);
  afterAll(async () => {
    await repository.close();
    await app.remove();
  });

  const begin = (targets: readonly Target[], state = `state-${(count += 1)}`) => {
    const stateFolder = join(app.folder, state);
    const inputs = targets.map((target): DeployOptions => ({
      repository,
      snapshot: 'latest',
      target,
      stateFolder,
      sourceOf,
      schemas,
      now: new Date(),
    }));
    const notes: string[] = [];
    const controller = new AbortController();
    const emit = (event: { type: string; message?: string }) => {
      if (event.message !== undefined) notes.push(`${event.type}: ${event.message}`);
    };
    return { stateFolder, inputs, notes, tools: { emit, signal: controller.signal }, controller };
  };

  const remove = async (stateFolder: string, targets: readonly Target[]) => {
    const targetOf = (name: string) => targets.find((one) => one.name === name) ?? local;
    const tools = { emit: () => {}, signal: new AbortController().signal };
    await destroy({ stateFolder, which: 'all', openRepository: async () => repository, targetOf }, tools);
    expect(await deploymentNames(stateFolder)).toEqual([]);
    expect(processesOf(stateFolder)).toEqual([]);
  };

  test('the first that can take the app gets it; all were asked, and those behind it made nothing', async () => {
    const targets = [
      elsewhere('full', refusing('the quota of servers is used up')),
      elsewhere('good'),
      elsewhere('spare'),
    ];
    const { stateFolder, inputs, notes, tools } = begin(targets);
    const { report, attempts } = await deployToFirst(inputs, tools);
    expect(report).toMatchObject({ target: 'good', outcome: 'passed' });
    expect(attempts).toMatchObject([
      { target: 'full', outcome: 'refused', reason: 'the quota of servers is used up' },
      { target: 'good', outcome: 'took it' },
      { target: 'spare', outcome: 'not asked' },
    ]);
    expect(notes).toEqual(
      expect.arrayContaining([
        'note: full: refuses: the quota of servers is used up',
        'note: good: can take it',
        'note: spare: can take it',
      ]),
    );
    expect(await deploymentNames(stateFolder)).toHaveLength(1);
    await remove(stateFolder, targets);
  }, 120_000);

  test('one that says no in the middle is cleaned up, and the next one takes it', async () => {
    const targets = [elsewhere('closing', breaking), elsewhere('good')];
    const { stateFolder, inputs, notes, tools } = begin(targets);
    const { report, attempts } = await deployToFirst(inputs, tools);
    expect(report).toMatchObject({ target: 'good', outcome: 'passed' });
    expect(attempts).toMatchObject([
      { target: 'closing', outcome: 'failed', reason: expect.stringContaining(brokenReason) },
      { target: 'good', outcome: 'took it' },
    ]);
    expect(notes).toContain('note: closing: what had been made there is removed');
    expect(await deploymentNames(stateFolder)).toEqual([report.deployment]);
    await remove(stateFolder, targets);
  }, 120_000);

  test('one that cannot even be cleaned up is said with the command for it, and stays known', async () => {
    const silent: Partial<Target> = {
      ...breaking,
      sweep: async () => {
        throw new RelocateError('provision-failed', 'nobody answers');
      },
    };
    const targets = [elsewhere('dead', silent), elsewhere('good')];
    const { stateFolder, inputs, tools } = begin(targets);
    const { report, attempts } = await deployToFirst(inputs, tools);
    const [dead] = attempts;
    expect(report.target).toBe('good');
    expect(dead?.leftBehind).toMatchObject({
      reason: expect.stringContaining('nobody answers'),
      command: `relocate destroy --deployment ${dead?.deployment}`,
    });
    expect(await deploymentNames(stateFolder)).toContain(dead?.deployment);
    await remove(stateFolder, [elsewhere('dead'), elsewhere('good')]);
  }, 120_000);

  test('while one that may serve cannot be removed, no other is begun: not at once, and not with --resume', async () => {
    const failing: Partial<Target> = {
      sweep: async () => {
        throw new RelocateError('provision-failed', 'nobody answers');
      },
    };
    const targets = [elsewhere('stuck', failing), elsewhere('good')];
    const { stateFolder, inputs, tools } = begin(targets);
    // Its services start, and one of its steps fails after that.
    const unwell = inputs.map((input) => ({
      ...input,
      renderHtml: () => {
        throw new RelocateError('host-failed', 'the machine went dark');
      },
    }));
    for (const resume of [false, true]) {
      const tried = deployToFirst(
        unwell.map((input) => ({ ...input, resume })),
        tools,
      );
      await expect(tried).rejects.toMatchObject({
        code: 'no-target',
        message: expect.stringContaining('stuck may still serve'),
        hint: expect.stringContaining('relocate destroy --deployment'),
      });
      const made = await readDeployments(stateFolder, { app: 'notes' });
      expect(made.map(({ plan }) => plan.target)).toEqual(['stuck']);
    }
    await remove(stateFolder, [elsewhere('stuck'), elsewhere('good')]);
  }, 120_000);

  test('none could: each says why, and nothing is left', async () => {
    const targets = [elsewhere('full', refusing('no stock')), elsewhere('closing', breaking)];
    const { stateFolder, inputs, tools } = begin(targets);
    const error = await deployToFirst(inputs, tools).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'no-target', facts: { full: 'no stock' } });
    expect(String(error)).toContain(brokenReason);
    expect((error as RelocateError).hint).toContain('Nothing is left');
    expect(await deploymentNames(stateFolder)).toEqual([]);
  }, 120_000);

  test('an earlier deploy that runs at a target which now fails is not touched', async () => {
    const state = 'running';
    const good = elsewhere('good');
    const first = begin([good], state);
    const [input] = first.inputs;
    if (input === undefined) throw new Error('no input');
    const running = await deploy(input, first.tools);
    expect(running.outcome).toBe('passed');
    const broken = elsewhere('good', breaking);
    const second = begin([broken, elsewhere('full', refusing('no stock'))], state);
    await expect(deployToFirst(second.inputs, second.tools)).rejects.toMatchObject({ code: 'no-target' });
    expect(await deploymentNames(second.stateFolder)).toEqual([running.deployment]);
    const web = running.services.find(({ name }) => name === 'web');
    expect((await fetch(`http://${web?.address}/`)).status).toBe(200);
    await remove(second.stateFolder, [good]);
  }, 120_000);

  test('interrupted, it goes on with --resume where it was, and finishes the cleaning up', async () => {
    const state = 'interrupted';
    let isStuck = true;
    const closing = elsewhere('closing', {
      ...breaking,
      sweep: async () => {
        if (isStuck) throw new RelocateError('provision-failed', 'nobody answers');
      },
    });
    const first = begin([closing, elsewhere('good')], state);
    const emit: typeof first.tools.emit = (event) => {
      first.tools.emit(event);
      // The second target's own work has begun.
      if (event.type === 'phase-end' && first.notes.some((note) => note.includes('closing could not')))
        first.controller.abort(new RelocateError('interrupted', 'Interrupted.'));
    };
    const interrupted = deployToFirst(first.inputs, { ...first.tools, emit });
    await expect(interrupted).rejects.toMatchObject({ code: 'interrupted' });
    const left = await readDeployments(first.stateFolder, {});
    expect(left.map(({ plan }) => plan.target).toSorted()).toEqual(['closing', 'good']);
    expect(existsSync(join(left[0]?.folder ?? '', 'refused.json'))).toBe(true);

    isStuck = false;
    const second = begin([closing, elsewhere('good')], state);
    const resumed = second.inputs.map((input) => ({ ...input, resume: true }));
    const { report, attempts } = await deployToFirst(resumed, second.tools);
    expect(report).toMatchObject({ target: 'good', outcome: 'passed' });
    expect(attempts).toMatchObject([{ target: 'closing', outcome: 'failed' }, { target: 'good' }]);
    expect(await deploymentNames(second.stateFolder)).toEqual([report.deployment]);
    await remove(second.stateFolder, [closing, elsewhere('good')]);
  }, 180_000);
});
