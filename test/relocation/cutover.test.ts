import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Dns } from '../../src/app/app.ts';
import { openZone } from '../../src/dns/index.ts';
import type { DnsZone, RecordSet } from '../../src/dns/zone.ts';
import { type Event, silent } from '../../src/events.ts';
import { rollback } from '../../src/relocation/cutover-return.ts';
import { prepareCutover, settleCutover } from '../../src/relocation/cutover-ttl.ts';
import { cutover } from '../../src/relocation/cutover.ts';
import { type CutoverSite, makeCutoverSite } from '../support/cutover-site.ts';
import { bindReason, hasBind, startBind } from '../support/servers/bind.ts';

const withBind = hasBind ? describe : describe.skip;
const tools = () => ({ emit: silent, signal: new AbortController().signal });

withBind(`moving names in a real zone (${bindReason})`, () => {
  let site: CutoverSite;
  beforeEach(async () => {
    site = await makeCutoverSite();
  });
  afterEach(() => site.remove());

  const zone = (): Promise<DnsZone> =>
    openZone(site.dns, { environment: {}, signal: new AbortController().signal, say: () => {} });
  const listed = async (): Promise<RecordSet[]> => (await zone()).list(site.dns.names);
  const moved = (name: string): RecordSet => ({
    name,
    type: 'A',
    ttlSeconds: 1,
    values: ['127.0.0.1'],
  });

  test('through cutover and rollback no name is ever without an answer, or with one that is nobody’s', async () => {
    const before = await listed();
    const samplers = site.dns.names.map((name) => site.sample(name));
    await sleep(200);
    const there = await cutover(site.input(), tools());
    expect(there).toMatchObject({ outcome: 'passed', servers: [{ outcome: 'passed' }] });
    expect(await listed()).toEqual(site.dns.names.map(moved).toSorted(byName));
    const back = await rollback(site.input(), tools());
    expect(back).toMatchObject({ outcome: 'passed' });
    await sleep(200);
    const samples = await Promise.all(samplers.map((one) => one.stop()));
    expect(await listed()).toEqual(before);
    expect(samples.map(({ seen }) => seen)).toEqual([
      ['192.0.2.1 192.0.2.2', '127.0.0.1', '192.0.2.1 192.0.2.2'],
      ['old-host.example.net', '127.0.0.1', 'old-host.example.net'],
      ['192.0.2.1', '127.0.0.1', '192.0.2.1'],
    ]);
    for (const { asked } of samples) expect(asked).toBeGreaterThan(40);
    expect(new Set(site.asked)).toEqual(new Set(site.dns.names));
    expect(await site.bind.resolver().resolveTxt(site.bind.zone)).toEqual([['kept']]);
    expect(await site.bind.resolver().resolve4(`other.${site.bind.zone}`)).toEqual(['203.0.113.9']);
  });

  test('it stays until no cache can have the old answers', async () => {
    const startedAt = Date.now();
    const report = await cutover(site.input(), tools());
    expect(Date.now() - startedAt).toBeGreaterThan(3_000);
    expect(Date.parse(report.finishedAt)).toBeGreaterThanOrEqual(Date.parse(report.cachesUntil ?? ''));
  });

  test('times to live that were lowered ahead make the wait a short one, and rollback knows the long ones', async () => {
    const before = await listed();
    const prepared = await prepareCutover(site.input(), tools());
    expect(prepared).toMatchObject({ outcome: 'passed' });
    expect((await listed()).map(({ ttlSeconds }) => ttlSeconds)).toEqual([1, 1, 1, 1]);
    // Nothing more to do, and nothing forgotten.
    await prepareCutover(site.input(), tools());
    await sleep(3_000);
    const startedAt = Date.now();
    await cutover(site.input(), tools());
    expect(Date.now() - startedAt).toBeLessThan(2_900);
    await rollback(site.input(), tools());
    expect(await listed()).toEqual(before);
  });

  test('what was only prepared is put back as it was', async () => {
    const before = await listed();
    await prepareCutover(site.input(), tools());
    await rollback(site.input(), tools());
    expect(await listed()).toEqual(before);
    await expect(rollback(site.input(), tools())).rejects.toMatchObject({ code: 'cutover-missing' });
  });

  test('settling lets answers be kept as long as before, and going back is still possible', async () => {
    const before = await listed();
    await cutover(site.input({ wait: false }), tools());
    await settleCutover(site.input(), tools());
    expect((await listed()).map(({ ttlSeconds }) => ttlSeconds)).toEqual([3, 2, 2]);
    await rollback(site.input({ wait: false }), tools());
    expect(await listed()).toEqual(before);
  });

  test('after two cutovers two rollbacks lead back, one by one', async () => {
    const before = await listed();
    await site.deploy('spare', '127.0.0.1');
    await site.deploy('second', '127.0.0.2');
    await cutover(site.input({ wait: false }), tools());
    const between = await listed();
    await cutover(site.input({ wait: false, target: 'second', services: [], force: true }), tools());
    expect((await listed()).map(({ values }) => values[0])).toEqual(Array(3).fill('127.0.0.2'));
    await rollback(site.input({ wait: false }), tools());
    expect(await listed()).toEqual(between);
    await rollback(site.input({ wait: false }), tools());
    expect(await listed()).toEqual(before);
  });

  describe('refuses, and changes nothing', () => {
    let before: RecordSet[];
    beforeEach(async () => {
      before = await listed();
    });
    afterEach(async () => {
      expect(await listed()).toEqual(before);
    });

    test('a target whose own checks do not pass', async () => {
      const checkDeployment = () =>
        Promise.resolve([{ title: 'db', outcome: 'failed' as const, detail: 'no rows', durationMs: 1 }]);
      const work = cutover(site.input({ checkDeployment }), tools());
      await expect(work).rejects.toMatchObject({
        code: 'cutover-refused',
        message: expect.stringContaining('db: no rows'),
      });
    });

    test('a target whose checks could not be run', async () => {
      const work = cutover(site.input({ checkDeployment: () => Promise.resolve(undefined) }), tools());
      await expect(work).rejects.toMatchObject({ code: 'cutover-refused' });
    });

    test('a target that does not answer to the app’s names', async () => {
      site.answer(503);
      const work = cutover(site.input(), tools());
      await expect(work).rejects.toMatchObject({
        code: 'cutover-refused',
        message: expect.stringContaining('answers 503'),
      });
    });

    test('a target that nothing was deployed to', async () => {
      const work = cutover(site.input({ target: 'hetzner' }), tools());
      await expect(work).rejects.toMatchObject({ code: 'deployment-missing' });
    });

    test('a person who says no', async () => {
      const work = cutover(site.input({ confirm: () => Promise.resolve(false) }), tools());
      await expect(work).rejects.toMatchObject({ code: 'usage' });
    });

    test('a dry run, which says what it would do', async () => {
      const report = await cutover(site.input({ dryRun: true }), tools());
      expect(report.names.map(({ changed }) => changed)).toEqual([true, true, true]);
      await expect(rollback(site.input(), tools())).rejects.toMatchObject({ code: 'cutover-missing' });
    });

    test('a zone that is not ours', async () => {
      const dns = { ...site.dns, zone: 'example.net', names: ['www.example.net'] };
      const work = cutover(site.input({ dns }), tools());
      await expect(work).rejects.toMatchObject({ code: 'dns-zone-missing' });
    });

    test('a wrong key', async () => {
      const provider = { kind: 'rfc2136', server: site.bind.server, keyFile: site.bind.keys.wrong } as const;
      const work = cutover(site.input({ dns: { ...site.dns, provider } }), tools());
      await expect(work).rejects.toMatchObject({ code: 'dns-failed' });
    });

    test('a second one at the same time', async () => {
      const work = cutover(
        site.input({
          confirm: async () => {
            await expect(rollback(site.input(), tools())).rejects.toMatchObject({ code: 'cutover-busy' });
            return false;
          },
        }),
        tools(),
      );
      await expect(work).rejects.toMatchObject({ code: 'usage' });
    });
  });

  test('--force goes on although checks fail, and says so', async () => {
    site.answer(503);
    const events: Event[] = [];
    const report = await cutover(site.input({ force: true, patienceMs: 1_500 }), {
      ...tools(),
      emit: (event) => events.push(event),
    });
    expect(report.outcome).toBe('failed');
    expect(report.next).toContain('--rollback');
    expect(events).toContainEqual(expect.objectContaining({ type: 'warning', code: 'checks-not-passed' }));
    expect((await listed()).map(({ values }) => values[0])).toEqual(Array(3).fill('127.0.0.1'));
  });

  test('what somebody else changed in between is not overwritten by the rollback, until it is asked for', async () => {
    const before = await listed();
    await cutover(site.input({ wait: false }), tools());
    const name = `app.${site.bind.zone}`;
    site.bind.update(`update delete ${name} A`, `update add ${name} 300 A 203.0.113.66`);
    await expect(rollback(site.input({ wait: false }), tools())).rejects.toMatchObject({
      code: 'dns-changed',
      facts: { name },
    });
    expect(await site.bind.resolver().resolve4(name)).toEqual(['203.0.113.66']);
    await rollback(site.input({ wait: false, force: true }), tools());
    expect(await listed()).toEqual(before);
  });

  test('a record that somebody changes while the app is checked stops the cutover before anything is moved', async () => {
    const name = site.bind.zone;
    const confirm = () => {
      site.bind.update(`update delete ${name} A`, `update add ${name} 300 A 203.0.113.66`);
      return Promise.resolve(true);
    };
    const work = cutover(site.input({ confirm }), tools());
    await expect(work).rejects.toMatchObject({ code: 'dns-changed', facts: { name } });
    expect(await site.bind.resolver().resolve4(name)).toEqual(['203.0.113.66']);
    expect(await site.bind.resolver().resolveCname(`www.${name}`)).toEqual(['old-host.example.net']);
  });

  test('an answer that does not change is no success; the next run goes on, and the rollback works', async () => {
    const before = await listed();
    const asleep: CutoverSite = await makeCutoverSite();
    try {
      // A second server of the zone that does not get the change.
      const dns = { ...site.dns, servers: [site.bind.server, asleep.bind.server] };
      const work = cutover(site.input({ dns, patienceMs: 1_000 }), tools());
      await expect(work).rejects.toMatchObject({
        code: 'not-verified',
        facts: { server: asleep.bind.server },
      });
    } finally {
      await asleep.remove();
    }
    expect((await listed()).map(({ values }) => values[0])).toEqual(Array(3).fill('127.0.0.1'));
    expect(await cutover(site.input(), tools())).toMatchObject({ outcome: 'passed' });
    await rollback(site.input({ wait: false }), tools());
    expect(await listed()).toEqual(before);
  });

  test('a cutover that stopped half-way is gone on with to another target, and one rollback leads to the beginning', async () => {
    const before = await listed();
    await site.deploy('second', '127.0.0.2');
    const stopping = new AbortController();
    const emit = (event: Event) => {
      if (event.type === 'progress' && event.phase === 'names' && event.doneItems === 2) stopping.abort();
    };
    await expect(cutover(site.input(), { emit, signal: stopping.signal })).rejects.toThrow('aborted');
    expect((await listed()).map(({ values }) => values[0])).toContain('127.0.0.1');
    const second = site.input({ wait: false, target: 'second', force: true, patienceMs: 1_500, checks: [] });
    await cutover(second, tools());
    expect((await listed()).map(({ values }) => values[0])).toEqual(Array(3).fill('127.0.0.2'));
    await rollback(site.input({ wait: false }), tools());
    expect(await listed()).toEqual(before);
    await expect(rollback(site.input(), tools())).rejects.toMatchObject({ code: 'cutover-missing' });
  });

  test('what was prepared long ago is no reason to put back what is no longer true', async () => {
    await prepareCutover(site.input(), tools());
    const name = `app.${site.bind.zone}`;
    site.bind.update(`update delete ${name} A`, `update add ${name} 3 A 192.0.2.77`);
    const before = await listed();
    await cutover(site.input({ wait: false }), tools());
    await rollback(site.input({ wait: false }), tools());
    const after = await listed();
    expect(after.find((set) => set.name === name)).toEqual(before.find((set) => set.name === name));
  });

  test('names that lead there already are verified, and nothing is begun that a rollback would take for a move', async () => {
    const before = await listed();
    await cutover(site.input({ wait: false }), tools());
    await site.deploy('local', '127.0.0.1');
    const asked = site.input({ confirm: () => Promise.reject(new Error('asked')) });
    expect(await cutover(asked, tools())).toMatchObject({ outcome: 'passed' });
    await rollback(site.input({ wait: false }), tools());
    expect(await listed()).toEqual(before);
  });

  test('a server of the zone that is down is told, and is no success', async () => {
    const dns = { ...site.dns, servers: [site.bind.server, '127.0.0.1:1'] };
    const report = await cutover(site.input({ dns, wait: false }), tools());
    expect(report.outcome).toBe('unverified');
    expect(report.servers.map(({ outcome }) => outcome)).toEqual(['passed', 'unverified']);
  });

  test('Ctrl-C while caches run out: the same command goes on where it stopped', async () => {
    const abort = new AbortController();
    const emit = (event: Event) => {
      if (event.type === 'phase-start' && event.phase === 'caches') abort.abort(new Error('stopped'));
    };
    await expect(cutover(site.input(), { emit, signal: abort.signal })).rejects.toThrow('aborted');
    const report = await cutover(site.input({ confirm: () => Promise.reject(new Error('asked')) }), tools());
    expect(report.outcome).toBe('passed');
  });

  function byName(a: RecordSet, b: RecordSet): number {
    return a.name < b.name ? -1 : 1;
  }
});

(hasBind ? test : test.skip)(
  `a zone that is changed by hand: a person is told what to write, and waited for (${bindReason})`,
  async () => {
    const site = await makeCutoverSite();
    const bind = await startBind(['www 2 IN A 192.0.2.1'], { isStatic: true });
    try {
      const www = `www.${bind.zone}`;
      const dns: Dns = {
        zone: bind.zone,
        names: [www],
        ttlSeconds: 1,
        servers: [bind.server],
        provider: { kind: 'file', path: bind.zoneFile, edit: false },
      };
      const said: string[] = [];
      const byPerson = async () => {
        const text = await readFile(bind.zoneFile, 'utf8');
        const changed = text
          .replace('2026010101', '2026010102')
          .replace('www 2 IN A 192.0.2.1', 'www 5 IN A 127.0.0.1');
        await writeFile(bind.zoneFile, changed);
        execFileSync('/bin/sh', ['-c', bind.reload]);
      };
      const emit = (event: Event) => {
        if (event.type !== 'note') return;
        said.push(event.message);
        setTimeout(() => void byPerson(), 700);
      };
      const input = site.input({ dns, patienceMs: 20_000 });
      const report = await cutover(input, { emit, signal: new AbortController().signal });
      expect(report.outcome).toBe('passed');
      expect(said).toEqual([expect.stringContaining(`+ ${www}. 1 IN A 127.0.0.1`)]);
      expect(await bind.resolver().resolve4(www)).toEqual(['127.0.0.1']);
    } finally {
      await bind.stop();
      await site.remove();
    }
  },
);
