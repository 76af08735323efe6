import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { makeApi } from '../../stacks/cloud/api.ts';
import { chooseMachineType, type MachineType } from '../../stacks/cloud/machine-type.ts';
import { partName, shorten } from '../../stacks/cloud/names.ts';
import { isPublic, sshFromFinding, sshSources } from '../../stacks/cloud/ssh-from.ts';
import { volumeFinding, volumeGigabytes } from '../../stacks/cloud/volume.ts';
import { serveJson, type Routes } from '../support/servers/json-api.ts';
import { requestFor } from './support/request.ts';

const gibibyte = 1024 ** 3;

describe('names', () => {
  test('that are too long stay different and within the limit', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 64 }), fc.string({ minLength: 64 }), (one, other) => {
        expect(shorten(one).length).toBeLessThanOrEqual(63);
        expect(shorten(one) === shorten(other)).toBe(one === other);
      }),
    );
  });

  test('tell the part, but the server is called as the deployment', () => {
    expect(partName(requestFor('blue'), 'server')).toBe('blue');
    expect(partName(requestFor('blue'), 'volume')).toBe('blue-volume');
  });
});

describe('a machine type', () => {
  const types: MachineType[] = [
    type('small', 1, 2, 4),
    type('dear', 2, 4, 20),
    type('right', 2, 4, 8),
    { ...type('arm', 4, 8, 5), architecture: 'arm64' },
    { ...type('gone', 2, 4, 1), inStock: false },
    type('large', 8, 32, 60),
  ];
  const needs = { memoryBytes: 3 * gibibyte, cores: 2, diskBytes: 10 * gibibyte, architectures: [] };
  const choose = (more: object = {}, wanted?: string) => {
    const { type: chosen, findings } = chooseMachineType(types, { ...needs, ...more }, wanted);
    return { name: chosen?.name, codes: findings.map(({ code, level }) => `${code}: ${level}`), findings };
  };

  test('is the cheapest in stock that has what is needed', () => {
    expect(choose().name).toBe('right');
    expect(choose({ memoryBytes: 5 * gibibyte }).name).toBe('large');
  });

  test('is an arm one only for an app that runs on arm', () => {
    expect(choose({ architectures: ['arm64'] }).name).toBe('arm');
    expect(choose({ architectures: ['arm64', 'amd64'] }).name).toBe('arm');
  });

  test('without prices is the smallest', () => {
    const unpriced = types.map((one) => {
      const { price, ...rest } = one;
      expect(price).toBeDefined();
      return rest;
    });
    expect(chooseMachineType(unpriced, { ...needs, memoryBytes: gibibyte, cores: 1 }).type?.name).toBe(
      'small',
    );
  });

  test('that nobody has is refused with what would be needed', () => {
    expect(choose({ cores: 100 })).toMatchObject({
      name: undefined,
      findings: [{ code: 'server-type', level: 'refused', message: expect.stringContaining('100 cores') }],
    });
  });

  test('that is out of stock is refused, and another one named', () => {
    expect(choose({}, 'gone')).toMatchObject({
      name: undefined,
      findings: [{ code: 'stock', level: 'refused', hint: expect.stringContaining('right') }],
    });
  });

  test('that does not exist is refused with those that do', () => {
    expect(choose({}, 'cx99').findings).toMatchObject([
      { code: 'server-type', level: 'refused', hint: expect.stringContaining('small, dear, right') },
    ]);
  });

  test('that the images do not run on is refused', () => {
    expect(choose({ architectures: ['arm64'] }, 'right').codes).toEqual(['architecture: refused']);
    expect(choose({ architectures: ['amd64'] }, 'arm').codes).toEqual(['architecture: refused']);
  });

  test('that is named is taken though it is small, with a warning', () => {
    expect(choose({}, 'small')).toMatchObject({ name: 'small', codes: ['server-type: warning'] });
  });

  function type(name: string, cores: number, memory: number, perMonth: number): MachineType {
    return {
      name,
      cores,
      memoryBytes: memory * gibibyte,
      diskBytes: 40 * gibibyte,
      architecture: 'amd64',
      price: { currency: 'EUR', perHour: perMonth / 730, perMonth },
      inStock: true,
    };
  }
});

describe('a volume', () => {
  const limits = { smallest: 10, largest: 1000 };
  const of = (sizeBytes: number, given?: number) => ({
    gigabytes: volumeGigabytes({ sizeBytes }, limits, given),
    level: volumeFinding({ sizeBytes }, limits, given).level,
  });

  test('has room to grow', () => {
    expect(of(0)).toEqual({ gigabytes: 10, level: 'ok' });
    expect(of(100e9)).toEqual({ gigabytes: 205, level: 'ok' });
  });

  test('is as large as can be before it is refused', () => {
    expect(of(700e9)).toEqual({ gigabytes: 1000, level: 'ok' });
    expect(of(999e9)).toMatchObject({ level: 'refused' });
  });

  test('that was asked for is refused when the data does not fit', () => {
    expect(of(100e9, 50)).toEqual({ gigabytes: 50, level: 'refused' });
    expect(of(100e9, 150)).toEqual({ gigabytes: 150, level: 'ok' });
  });
});

describe('who may reach SSH', () => {
  test.each([
    ['10.1.2.3', false],
    ['192.168.1.1', false],
    ['127.0.0.1', false],
    ['100.64.3.4', false],
    ['203.0.113.7', true],
    ['::1', false],
    ['fd00::1', false],
    ['2001:db8::1', true],
    ['nonsense', false],
  ])('%s is a public address: %s', (address, expected) => {
    expect(isPublic(address)).toBe(expected);
  });

  test('whom the options name', async () => {
    expect(await sshSources(['203.0.113.0/24'], '127.0.0.1')).toEqual(['203.0.113.0/24']);
  });

  test('this machine alone, where it can be told', async () => {
    expect(await sshSources(undefined, '127.0.0.1')).toEqual(['127.0.0.1/32']);
    expect(await sshSources(undefined, '::1')).toEqual(['::1/128']);
  });

  test('preflight warns of an address that leads nowhere, and says nothing of one that does', async () => {
    expect(await sshFromFinding(undefined, 'http://127.0.0.1:1')).toMatchObject({ level: 'ok' });
    expect(await sshFromFinding(undefined, 'http://no-such-host.invalid')).toMatchObject({
      level: 'warning',
    });
  });
});

describe('an API', () => {
  async function asked(routes: Routes, run: (api: ReturnType<typeof makeApi>) => Promise<unknown>) {
    const server = await serveJson(routes);
    const api = makeApi({
      provider: 'Nimbus',
      endpoint: server.url,
      headers: () => ({ authorization: 'Bearer very-secret-token' }),
      explain: (body) => z.object({ message: z.string() }).safeParse(body).data ?? {},
      credentialsHint: 'Set NIMBUS_TOKEN.',
    });
    const outcome = await run(api).catch((error: unknown) => error);
    await server.close();
    return { outcome, asked: server.asked.map(({ method, path }) => `${method} ${path}`) };
  }
  const busyTwice = () => {
    let count = 0;
    return () => ({ status: (count += 1) > 2 ? 200 : 503, body: { count } });
  };

  test('that is busy is asked again', async () => {
    const { outcome, asked: requests } = await asked({ '/x': busyTwice() }, (api) =>
      api.ask(z.object({ count: z.number() }), '/x'),
    );
    expect(outcome).toEqual({ count: 3 });
    expect(requests).toHaveLength(3);
  });

  test('is not asked twice to make a thing', async () => {
    const { outcome, asked: requests } = await asked({ 'POST /x': busyTwice() }, (api) =>
      api.send('POST', '/x', {}),
    );
    expect(outcome).toMatchObject({ code: 'provision-failed', retryable: true });
    expect(requests).toHaveLength(1);
  });

  test('that refuses is quoted, its credentials are not', async () => {
    const { outcome } = await asked({ '/x': { status: 401, body: { message: 'no such token' } } }, (api) =>
      api.ask(z.unknown(), '/x'),
    );
    expect(outcome).toMatchObject({
      message: 'Nimbus refused (401): no such token',
      hint: 'Set NIMBUS_TOKEN.',
    });
    expect(JSON.stringify(outcome)).not.toContain('very-secret');
  });

  test('that answers nonsense is said to, and nothing is made of it', async () => {
    const { outcome } = await asked({ '/x': { count: 'many' } }, (api) =>
      api.ask(z.object({ count: z.number() }), '/x'),
    );
    expect(outcome).toMatchObject({ code: 'provision-failed', facts: { at: 'count' } });
  });

  test('that nobody serves is out of reach', async () => {
    const server = await serveJson({});
    await server.close();
    const api = makeApi({
      provider: 'Nimbus',
      endpoint: server.url,
      headers: () => ({}),
      explain: () => ({}),
      credentialsHint: '',
    });
    await expect(api.send('POST', '/x')).rejects.toMatchObject({
      message: expect.stringContaining('cannot be reached'),
      retryable: true,
    });
  });
});
