import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { openZone } from '../../src/dns/index.ts';
import type { RecordSet } from '../../src/dns/zone.ts';
import { type CutoverSite, makeCutoverSite } from '../support/cutover-site.ts';
import { bindReason, hasBind } from '../support/servers/bind.ts';

/** RELOCATE_TEST_CUTOVER_KILLS=100 kills at every moment: a minute or two. */
const kills = Number(process.env['RELOCATE_TEST_CUTOVER_KILLS'] ?? 8);
const child = fileURLToPath(new URL('../support/cutover-child.ts', import.meta.url));
const withBind = hasBind ? describe : describe.skip;

withBind(`killed in the midst of moving names (${bindReason})`, () => {
  let site: CutoverSite;
  let before: RecordSet[];
  let after: RecordSet[];
  let moments: { cutover: number; rollback: number };

  const listed = async () => {
    const context = { environment: {}, signal: new AbortController().signal, say: () => {} };
    return (await openZone(site.dns, context)).list(site.dns.names);
  };

  beforeAll(async () => {
    site = await makeCutoverSite();
    before = await listed();
    const there = await run('cutover');
    after = await listed();
    const back = await run('rollback');
    expect(await listed()).toEqual(before);
    expect([there.outcome, back.outcome]).toEqual(['unverified', 'unverified']);
    moments = { cutover: there.moments, rollback: back.moments };
  });
  afterAll(() => site.remove());

  test('there are many moments to be killed at', () => {
    expect(moments.cutover).toBeGreaterThan(20);
    expect(moments.rollback).toBeGreaterThan(15);
  });

  test('a cutover goes on where it was killed, or is taken back; no name is without an answer meanwhile', async () => {
    await forEachMoment(moments.cutover, async (killAt, index) => {
      await expectKilled('cutover', killAt);
      if (index % 2 === 0) {
        await run('cutover');
        expect({ killAt, now: await listed() }).toEqual({ killAt, now: after });
        await run('rollback');
      } else await takeBack();
      expect({ killAt, now: await listed() }).toEqual({ killAt, now: before });
    });
  });

  test('a rollback goes on where it was killed, or the cutover does', async () => {
    await forEachMoment(moments.rollback, async (killAt, index) => {
      await run('cutover');
      await expectKilled('rollback', killAt);
      if (index % 2 === 1) {
        await run('cutover');
        expect({ killAt, now: await listed() }).toEqual({ killAt, now: after });
      }
      await takeBack();
      expect({ killAt, now: await listed() }).toEqual({ killAt, now: before });
    });
  });

  /** Spread over all moments; each name is asked for all the while. */
  async function forEachMoment(
    count: number,
    work: (killAt: number, index: number) => Promise<void>,
  ): Promise<void> {
    const samplers = site.dns.names.map((name) => site.sample(name));
    const tries = Math.min(kills, count);
    for (let index = 0; index < tries; index += 1) {
      await work(1 + Math.floor((index * count) / tries), index);
    }
    const samples = await Promise.all(samplers.map((one) => one.stop()));
    const all = [...before, ...after]
      .filter(({ type }) => type !== 'AAAA')
      .map(({ values }) => values.join(' '));
    const foreign = samples.flatMap(({ seen }) => seen.filter((answer) => !all.includes(answer)));
    expect(foreign).toEqual([]);
  }

  async function expectKilled(action: 'cutover' | 'rollback', killAt: number): Promise<void> {
    expect(await start(action, killAt)).toMatchObject({ signal: 'SIGKILL' });
  }

  /** Killed before anything was written down, there is nothing to take back. */
  async function takeBack(): Promise<void> {
    const { stderr, exitCode } = await start('rollback', 0);
    if (exitCode !== 0) expect(stderr).toContain('cutover-missing');
  }

  async function run(action: 'cutover' | 'rollback'): Promise<{ outcome: string; moments: number }> {
    const { stdout, stderr, exitCode } = await start(action, 0);
    expect({ stderr, exitCode }).toMatchObject({ exitCode: 0 });
    return JSON.parse(stdout) as { outcome: string; moments: number };
  }

  async function start(action: 'cutover' | 'rollback', killAt: number) {
    const started = spawn(process.execPath, ['--no-warnings', child], { stdio: ['pipe', 'pipe', 'pipe'] });
    started.stdin.end(JSON.stringify({ action, killAt, input: site.input({ wait: false }) }));
    let stdout = '';
    let stderr = '';
    started.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    started.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const [exitCode, signal] = (await once(started, 'close')) as [number | null, string | null];
    return { exitCode, signal, stdout, stderr };
  }
});
