import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lowerTtls } from '../../src/cli/lower-ttls.ts';
import type { Session } from '../../src/cli/session.ts';
import type { Event } from '../../src/events.ts';
import { type Bind, bindReason, hasBind, startBind } from '../support/servers/bind.ts';

const withBind = hasBind ? describe : describe.skip;

withBind(`at the start of a deploy (${bindReason})`, () => {
  let bind: Bind;
  let folder: string;
  let events: Event[];
  beforeAll(async () => {
    bind = await startBind(['www 3600 IN A 192.0.2.1']);
    folder = await mkdtemp(join(tmpdir(), 'relocate-ttl-'));
    const text = `app: shop
code: .
dns:
  zone: ${bind.zone}
  names: www.${bind.zone}
  provider: { rfc2136: { server: '${bind.server}' } }
  servers: ['${bind.server}']
`;
    await writeFile(join(folder, 'relocate.yaml'), text);
  });
  afterAll(async () => {
    await bind.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const session = (key: string | undefined): Session => {
    events = [];
    return {
      globals: { config: join(folder, 'relocate.yaml'), color: false },
      environment: { RELOCATE_TSIG_KEY: key },
      emit: (event) => events.push(event),
      signal: new AbortController().signal,
      result: () => {},
    };
  };
  const ttl = async () => (await bind.resolver().resolve4(`www.${bind.zone}`, { ttl: true }))[0]?.ttl;

  test('a deploy to this machine is a rehearsal, and touches no name', async () => {
    await lowerTtls(session(bind.keyText), 'local');
    expect(await ttl()).toBe(3600);
    expect(events).toEqual([]);
  });

  test('credentials that are missing or wrong hold no deploy up', async () => {
    for (const key of [undefined, `relocate:${Buffer.alloc(32).toString('base64')}`]) {
      await lowerTtls(session(key), 'hetzner,local');
      expect(events).toMatchObject([{ type: 'warning', code: 'ttl-not-lowered' }]);
      expect(await ttl()).toBe(3600);
    }
  });

  test('times to live become short, and what they were is on disk', async () => {
    await lowerTtls(session(bind.keyText), 'hetzner');
    expect(await ttl()).toBe(60);
    expect(events).toMatchObject([{ type: 'detail' }]);
    const state = JSON.parse(await readFile(join(folder, '.relocate', 'cutovers', 'shop.json'), 'utf8')) as {
      cutovers: { state: string; names: { before: unknown }[] }[];
    };
    expect(state.cutovers).toMatchObject([
      { state: 'prepared', names: [{ before: [{ ttlSeconds: 3600 }] }] },
    ]);
  });
});
