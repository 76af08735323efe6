import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer as createHttp } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates, type TLSSocket } from 'node:tls';
import type { Check } from '../../src/app/app.ts';
import type { FrontDoor } from '../../src/relocation/ask-door.ts';
import { checkFront, frontDoors } from '../../src/relocation/cutover-checks.ts';
import { makeCertificate } from '../support/servers/certificate.ts';

/** Names are asked for at the new address, whatever DNS says: these lead nowhere. */
const name = 'www.example.com';
const seen: { host: string | undefined; sni: string | false | null }[] = [];
let folder: string;
let secure: ReturnType<typeof createHttps>;
let plain: ReturnType<typeof createHttp>;
let certificate: string;
let location = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relocate-front-'));
  const paths = { certificate: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  makeCertificate(name, paths);
  certificate = await readFile(paths.certificate, 'utf8');
  secure = createHttps({ cert: certificate, key: await readFile(paths.key) }, (request, response) => {
    const { servername } = request.socket as TLSSocket & { servername: string | false | null };
    seen.push({ host: request.headers.host, sni: servername });
    response.writeHead(request.url === '/healthz' ? 200 : 500).end('all is well');
  }).listen(0, '127.0.0.1');
  plain = createHttp((request, response) => {
    seen.push({ host: request.headers.host, sni: null });
    if (location !== '') response.writeHead(308, { location }).end();
    else response.writeHead(request.url === '/healthz' ? 200 : 500).end('all is well');
  }).listen(0, '127.0.0.1');
  await Promise.all([once(secure, 'listening'), once(plain, 'listening')]);
});
afterAll(async () => {
  for (const server of [secure, plain]) server.close();
  await rm(folder, { recursive: true, force: true });
});

const doors = (): FrontDoor[] => [
  { kind: 'https', address: '127.0.0.1', port: (secure.address() as AddressInfo).port },
  { kind: 'http', address: '127.0.0.1', port: (plain.address() as AddressInfo).port },
];
const healthz: Check = { kind: 'http', path: '/healthz', status: 200 };
const check = (change: Partial<Parameters<typeof checkFront>[0]> = {}) =>
  checkFront({
    names: [name],
    checks: [healthz],
    doors: doors(),
    strict: false,
    patienceMs: 0,
    signal: new AbortController().signal,
    ...change,
  });

describe('the app as its visitors will come to it', () => {
  test('is asked by its real name, in the request and in TLS, at the new address', async () => {
    seen.length = 0;
    expect(await check()).toMatchObject([{ outcome: 'passed', title: `GET /healthz of ${name}` }]);
    expect(seen).toEqual([{ host: name, sni: name }]);
  });

  test('after the move a certificate that nobody vouches for is no success, and plain HTTP is none', async () => {
    const [outcome] = await check({ strict: true });
    expect(outcome).toMatchObject({ outcome: 'failed', detail: expect.stringMatching(/SELF_SIGNED|CERT/) });
  });

  test('after the move a right certificate passes, and one of another name does not', async () => {
    const before = getCACertificates('default');
    setDefaultCACertificates([...before, certificate]);
    try {
      expect(await check({ strict: true })).toMatchObject([{ outcome: 'passed' }]);
      const [outcome] = await check({ strict: true, names: ['other.example.com'] });
      expect(outcome).toMatchObject({
        outcome: 'failed',
        detail: expect.stringContaining('ERR_TLS_CERT_ALTNAME_INVALID'),
      });
    } finally {
      setDefaultCACertificates(before);
    }
  });

  test('before the move plain HTTP counts where HTTPS is not served yet', async () => {
    const [, http] = doors();
    const closed: FrontDoor = { kind: 'https', address: '127.0.0.1', port: 1 };
    expect(await check({ doors: [closed, http!] })).toMatchObject([{ outcome: 'passed' }]);
  });

  test('being sent on to HTTPS is no answer of the app', async () => {
    const [, http] = doors();
    location = `https://${name}/healthz`;
    const [outcome] = await check({ doors: [http!] });
    location = '';
    expect(outcome).toMatchObject({
      outcome: 'failed',
      detail: expect.stringContaining('only leads to https'),
    });
  });

  test('a wrong status and a missing text are told', async () => {
    const wrong: Check[] = [
      { kind: 'http', path: '/broken', status: 200 },
      { kind: 'http', path: '/healthz', status: 200, contains: 'database' },
    ];
    const outcomes = await check({ checks: wrong });
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['failed', 'failed']);
    expect(outcomes[0]?.detail).toContain('answers 500, expected 200');
    expect(outcomes[1]?.detail).toContain('without “database”');
  });

  test('an app without HTTP checks must answer at all, and one without a port is not verified', async () => {
    expect(await check({ checks: [] })).toMatchObject([{ outcome: 'failed', title: `GET / of ${name}` }]);
    expect(await check({ doors: [] })).toMatchObject([{ outcome: 'unverified' }]);
  });
});

test('a host that is reached by SSH has a web server in front; this machine serves at the app’s own port', () => {
  const host = { name: 'h', address: '198.51.100.7', folder: '/srv', ports: { mail: 25, web: 8000 } };
  const ssh = { kind: 'ssh' as const, user: 'root', port: 22, hostKey: 'k' };
  expect(frontDoors({ ...host, transport: ssh }, ['web']).map(({ port }) => port)).toEqual([443, 80]);
  expect(frontDoors({ ...host, transport: { kind: 'local' } }, ['mail', 'web'])).toEqual([
    { kind: 'http', address: '198.51.100.7', port: 8000 },
  ]);
});
