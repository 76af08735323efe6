import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { silent, type Event } from '../../src/events.ts';
import { destroyStack, provision, stackExists, type StackRequest } from '../../src/relocation/pulumi.ts';
import { stackFile } from '../../src/relocation/pulumi-state.ts';
import type { DeployRequest, Target } from '../../stacks/target.ts';

/** What a target's own test tells the suite that all targets share. */
export interface TargetCase {
  target: Target;
  options: unknown;
  /** Of the options' schema, one that must be refused. */
  wrongOptions: unknown;
  /** Whatever there is of a deployment at the provider: empty before the first `up`, and after destroying. */
  residue: (request: DeployRequest) => Promise<string[]>;
  /** Before all tests, where the target needs something to be there; what it returns is called after them. */
  setUp?: () => Promise<() => Promise<void>>;
  /** What is asked for beyond, or other than, what `requestFor` says. */
  request?: (deployment: string) => Partial<DeployRequest>;
  /** Marks of secrets that must stand in clear nowhere in the stack's state. */
  secrets?: () => string[];
}

export function requestFor(root: string, deployment: string): DeployRequest {
  return {
    app: 'guestbook',
    deployment,
    folder: join(root, deployment, 'host'),
    services: { kind: 'procfile', names: ['web', 'worker'] },
    databases: [{ name: 'db', kind: 'postgres', majorVersion: 15, sizeBytes: 1000 }],
    sizeBytes: 10_000,
  };
}

/** The promises that every target keeps, with the real engine. */
export function describeTarget(targetCase: TargetCase): void {
  const { target, wrongOptions, residue } = targetCase;
  const site = useSite(targetCase);

  test('options that it does not know are refused', () => {
    expect(target.options.safeParse(wrongOptions).success).toBe(false);
  });

  test('preflight leaves no trace', async () => {
    const work = site.work('looked-at');
    expect(await target.preflight(work.options, work.request)).not.toEqual([]);
    expect(await residue(work.request)).toEqual([]);
    expect(stackExists(work)).toBe(false);
  });

  test('up, up again, and destroyed twice', async () => {
    const events: Event[] = [];
    const work = site.work('up-and-down', { emit: (event) => events.push(event) });
    const outputs = await provision(work);
    expect(outputs.hosts.length).toBeGreaterThan(0);
    expect(stackExists(work)).toBe(true);
    const before = await residue(work.request);
    expect(before).not.toEqual([]);
    expect(events.length).toBeGreaterThan(0);

    events.length = 0;
    expect(await provision(work)).toEqual(outputs);
    expect(await residue(work.request)).toEqual(before);
    expect(
      events.filter(
        (event) => event.type === 'detail' && /^(create|update|replace|delete)/.test(event.message),
      ),
    ).toEqual([]);

    await destroyStack(work);
    expect(await residue(work.request)).toEqual([]);
    expect(stackExists(work)).toBe(false);
    await destroyStack(work);
  });

  test('two deployments share no port of a host', async () => {
    const works = [site.work('blue'), site.work('green')];
    const [blue, green] = await Promise.all(works.map(provision));
    for (const host of blue!.hosts) {
      const twin = green!.hosts.find(({ address }) => address === host.address);
      const shared = Object.values(host.ports).filter((port) =>
        Object.values(twin?.ports ?? {}).includes(port),
      );
      expect(shared).toEqual([]);
    }
    await Promise.all(works.map(destroyStack));
  });

  test('a wrong passphrase opens nothing and changes nothing', async () => {
    const work = site.work('sealed');
    const outputs = await provision(work);
    await expect(provision({ ...work, passphrase: 'another one' })).rejects.toMatchObject({
      code: 'wrong-password',
    });
    expect(await provision(work)).toEqual(outputs);
    await destroyStack(work);
  });

  test('its state holds no file that a kill could leave cut off, and no secret in clear', async () => {
    const work = site.work('whole');
    await provision(work);
    const files = await readdir(work.stateFolder, { recursive: true });
    expect(files).toContain(relative(work.stateFolder, stackFile(join(work.stateFolder, 'pulumi'), 'whole')));
    expect(files.filter((name) => name.endsWith('.attrs'))).toEqual([]);
    for (const name of files) {
      const text = await readFile(join(work.stateFolder, name), 'latin1').catch(() => '');
      expect(targetCase.secrets?.().filter((secret) => text.includes(secret)) ?? []).toEqual([]);
    }
    await destroyStack(work);
  });

  test('an abort ends in an error that says how to go on, and going on succeeds', async () => {
    const abort = new AbortController();
    const work = site.work('aborted');
    const emit = (event: Event) => {
      if (event.type === 'detail') abort.abort();
    };
    await expect(provision({ ...work, emit, signal: abort.signal })).rejects.toMatchObject({
      code: 'interrupted',
    });
    await provision(work);
    await destroyStack(work);
    expect(await residue(work.request)).toEqual([]);
  });
}

/** Killed at each sign of life, once relocate alone and once with its engine. */
export function describeKilledTarget(targetCase: TargetCase): void {
  const { residue } = targetCase;
  const site = useSite(targetCase);

  describe.each(['relocate', 'relocate and its engine'] as const)('%s killed', (whom) => {
    test.each([2, 4])(
      'while coming up, after %i lines: comes up the same, and is destroyed',
      async (lines) => {
        const work = site.work(`up-${lines}-${whom.length}`);
        await runAndKill('provision', work, lines, whom);
        const outputs = await provision(work);
        expect(outputs.hosts.length).toBeGreaterThan(0);
        expect(await provision(work)).toEqual(outputs);
        await destroyStack(work);
        expect(await residue(work.request)).toEqual([]);
      },
    );

    test.each([3])('while coming up, after %i lines: destroying it leaves nothing', async (lines) => {
      const work = site.work(`up-down-${lines}-${whom.length}`);
      await runAndKill('provision', work, lines, whom);
      await destroyStack(work);
      expect(await residue(work.request)).toEqual([]);
      expect(stackExists(work)).toBe(false);
    });

    test.each([3])('while going down, after %i lines: destroying it again leaves nothing', async (lines) => {
      const work = site.work(`down-${lines}-${whom.length}`);
      await provision(work);
      await runAndKill('destroy', work, lines, whom);
      await destroyStack(work);
      expect(await residue(work.request)).toEqual([]);
      expect(stackExists(work)).toBe(false);
    });
  });
}

/** The state of a stack is gone, and what the stack had made is not. */
export function describeLostState(targetCase: TargetCase): void {
  const { residue } = targetCase;
  const site = useSite(targetCase);

  test.each(['cut off', 'removed'])('its state %s: comes up the same, and is destroyed', async (how) => {
    const work = site.work(`lost-${how.length}`);
    const outputs = await provision(work);
    await loseState(work, how);
    expect(await provision(work)).toEqual(outputs);
    await loseState(work, how);
    await destroyStack(work);
    expect(await residue(work.request)).toEqual([]);
  });
}

async function loseState({ stateFolder, request }: StackRequest, how: string): Promise<void> {
  const file = stackFile(join(stateFolder, 'pulumi'), request.deployment);
  for (const path of [file, `${file}.bak`]) await (how === 'removed' ? rm(path) : truncate(path, 30));
}

function useSite({ target, options, setUp, request }: TargetCase) {
  let root = '';
  let tearDown: (() => Promise<void>) | undefined;
  beforeAll(async () => {
    tearDown = await setUp?.();
    root = await mkdtemp(join(tmpdir(), 'relocate-target-'));
    process.env['XDG_STATE_HOME'] = join(root, 'xdg');
  });
  afterAll(async () => {
    await tearDown?.();
    delete process.env['XDG_STATE_HOME'];
    await rm(root, { recursive: true, force: true });
  });
  return {
    work: (deployment: string, more: Partial<StackRequest> = {}): StackRequest => ({
      target,
      options: target.options.parse(options),
      request: { ...requestFor(root, deployment), ...request?.(deployment) },
      stateFolder: join(root, deployment, 'state'),
      passphrase: 'open-sesame-4711',
      emit: silent,
      signal: new AbortController().signal,
      ...more,
    }),
  };
}

/** Runs an action in a process of its own, and kills it when it has said so many lines. */
async function runAndKill(
  action: 'provision' | 'destroy',
  { target, options, request, stateFolder, passphrase }: StackRequest,
  lines: number,
  whom: 'relocate' | 'relocate and its engine',
): Promise<void> {
  const program = fileURLToPath(new URL('./stack-main.ts', import.meta.url));
  const child = spawn(process.execPath, ['--no-warnings', program], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // The engine runs in the group of who started it.
    detached: true,
    // What a test has set is not the process's own.
    env: { ...process.env },
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.stdin.end(JSON.stringify({ action, target: target.name, options, request, stateFolder, passphrase }));
  let seen = 0;
  for await (const _line of createInterface({ input: child.stdout })) {
    seen += 1;
    if (seen === lines) process.kill(whom === 'relocate' ? child.pid! : -child.pid!, 'SIGKILL');
  }
  await exited;
  expect(seen).toBeGreaterThanOrEqual(lines);
  expect(child.signalCode).toBe('SIGKILL');
}
