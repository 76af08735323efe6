import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer as createHttp, type RequestListener } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { App } from '../../src/app/app.ts';
import type { Certificate } from '../../src/hosts/certificates.ts';
import { checkOutside, isOpenToTheWorld } from '../../src/relocation/check-outside.ts';
import { makeCertificate } from '../support/servers/certificate.ts';

const address = '127.0.0.1';
let folder: string;
let secure: ReturnType<typeof createHttps>;
let plain: ReturnType<typeof createHttp>;
let rootPem: string;
/** What the front door answers next; 200 when there is no more. */
let statuses: number[] = [];
let asked: string[] = [];

const answer: RequestListener = (request, response) => {
  asked.push(`${request.headers.host} ${request.url}`);
  response.writeHead(statuses.shift() ?? 200).end();
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relocate-outside-'));
  const paths = { certificate: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  makeCertificate(address, paths);
  rootPem = await readFile(paths.certificate, 'utf8');
  secure = createHttps({ cert: rootPem, key: await readFile(paths.key) }, answer).listen(0, address);
  plain = createHttp(answer).listen(0, address);
  await Promise.all([once(secure, 'listening'), once(plain, 'listening')]);
});
afterAll(async () => {
  for (const server of [secure, plain]) server.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => {
  statuses = [];
  asked = [];
});

const portOf = (server: { address(): unknown }) => (server.address() as AddressInfo).port;

async function check(certificates: Certificate[], tls?: App['tls']) {
  const warnings: string[] = [];
  const [outcome] = await checkOutside(
    { address, transport: { kind: 'ssh' } },
    { checks: [{ kind: 'http', path: '/healthz', status: 200 }], tls },
    certificates,
    {
      emit: (event) => event.type === 'warning' && warnings.push(`${event.code}: ${event.message}`),
      signal: new AbortController().signal,
      ports: { https: portOf(secure), http: portOf(plain) },
    },
  );
  return { outcome: outcome?.outcome, detail: outcome?.detail, warnings };
}

const there: Certificate = { subject: address, state: 'there' };

describe('whether the world reaches it', () => {
  test('is asked over HTTPS where there is a certificate, by the authority that relocate.yaml trusts', async () => {
    expect(await check([there], { acme: { address: true, rootPem } })).toEqual({
      outcome: 'passed',
      detail: `https://${address}/healthz answers 200`,
      warnings: [],
    });
    expect(asked).toEqual([`${address} /healthz`]);
  });

  test('a certificate that nobody here trusts is warned of, and the app is asked in clear', async () => {
    const { outcome, detail, warnings } = await check([there]);
    expect([outcome, detail]).toEqual(['passed', `http://${address}/healthz answers 200`]);
    expect(warnings).toEqual([expect.stringMatching(/^https-unanswered: .*(SELF_SIGNED|CERT)/)]);
  });

  test('one that was refused is warned of once, with the reason; of a name that leads elsewhere nothing is said', async () => {
    const reason = 'rate limit (rateLimited)';
    const refused = (subject: string): Certificate => ({ subject, state: 'refused', reason });
    const { outcome, warnings } = await check([
      refused(address),
      refused('a.example'),
      { subject: 'b.example', state: 'refused', reason: 'no such name (dns)', isUnproved: true },
      { subject: 'c.example', state: 'waiting' },
    ]);
    expect(outcome).toBe('passed');
    expect(warnings).toEqual([expect.stringContaining(`for ${address}, a.example: ${reason}.`)]);
  });

  test('a service that is still coming up is waited for', async () => {
    statuses = [502, 502];
    expect(await check([])).toMatchObject({ outcome: 'passed' });
    expect(asked).toHaveLength(3);
  });

  test('what the app says of itself is its own affair: it may know itself by another name', async () => {
    statuses = [403];
    expect(await check([])).toMatchObject({ outcome: 'passed', detail: expect.stringContaining('403') });
  });
});

test('a host of the user’s own has ways in that are his, and nothing is asked', () => {
  const own = { kind: 'ssh' as const, own: { host: 'box' } };
  const exposed = [{ port: 80, protocol: 'tcp' as const }];
  expect(isOpenToTheWorld({ address, transport: { kind: 'ssh' } }, exposed)).toBe(true);
  expect(isOpenToTheWorld({ address, transport: own }, exposed)).toBe(false);
  expect(isOpenToTheWorld({ address, transport: { kind: 'local' } }, exposed)).toBe(false);
  expect(isOpenToTheWorld({ address, transport: { kind: 'ssh' } }, [])).toBe(false);
});
