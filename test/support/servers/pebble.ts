import { writeFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { get } from 'node:https';
import { text } from 'node:stream/consumers';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificate } from './certificate.ts';
import { findProgram, freePort, startServer } from './server.ts';

const program = findProgram('pebble');
const nameServer = findProgram('pebble-challtestsrv');
/** Why there is none; undefined where there is. For tests to skip with. */
export const whyNoPebble =
  program !== undefined && nameServer !== undefined
    ? undefined
    : 'needs pebble, an authority for certificates: bin/setup --for test builds it with Go';

/** An authority that gives certificates to whoever proves to hold a name, as Let's Encrypt does; nobody trusts it. */
export interface Pebble extends AsyncDisposable {
  /** URL of its ACME directory. */
  directory: string;
  /** Certificates as PEM: the one that the directory is trusted by, and the root of what it gives out. */
  rootPem: string;
  /** Where all names lead to from now on, and it looks for proof on ports 80 and 443. Before, no name exists. */
  leadTo(address: string): Promise<void>;
  /** From now on it takes nobody that has not registered elsewhere, as some authorities do. */
  refuse(): Promise<void>;
}

/** `address`: where it listens. */
export async function startPebble(address: string): Promise<Pebble> {
  if (program === undefined || nameServer === undefined) throw new Error(whyNoPebble);
  const folder = await mkdtemp(join(tmpdir(), 'relocate-pebble-'));
  const paths = { certificate: join(folder, 'certificate.pem'), key: join(folder, 'key.pem') };
  makeCertificate(address, paths);
  const managementPort = await freePort();
  const dnsPort = await freePort();
  const names = await startServer(nameServer, (port) => [
    '-management',
    `127.0.0.1:${port}`,
    '-dns01',
    `127.0.0.1:${dnsPort}`,
    // What it would serve as well.
    ...['-defaultIPv4', '-defaultIPv6', '-http01', '-https01', '-tlsalpn01', '-doh'].flatMap((off) => [
      off,
      '',
    ]),
  ]);
  const start = (isRefusing: boolean, at?: number) =>
    startServer(
      program,
      (port) => {
        const settings = {
          pebble: {
            listenAddress: `${address}:${port}`,
            managementListenAddress: `127.0.0.1:${managementPort}`,
            certificate: paths.certificate,
            privateKey: paths.key,
            httpPort: 80,
            tlsPort: 443,
            externalAccountBindingRequired: isRefusing,
          },
        };
        writeFileSync(join(folder, 'settings.json'), JSON.stringify(settings));
        return ['-config', join(folder, 'settings.json'), '-dnsserver', `127.0.0.1:${dnsPort}`];
      },
      { address, port: at, env: { PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '0' } },
    );
  let pebble = await start(false);
  const { port } = pebble;
  const own = await readFile(paths.certificate, 'utf8');
  return {
    directory: `https://${address}:${port}/dir`,
    rootPem: own + (await rootAt(managementPort)),
    async leadTo(ip) {
      const answer = await fetch(`http://127.0.0.1:${names.port}/set-default-ipv4`, {
        method: 'POST',
        body: JSON.stringify({ ip }),
      });
      if (!answer.ok) throw new Error(`the name server answers ${answer.status}`);
    },
    async refuse() {
      await pebble.stop();
      pebble = await start(true, port);
    },
    async [Symbol.asyncDispose]() {
      await pebble.stop();
      await names.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Another one at each start. Its certificate there has another name. */
function rootAt(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    get(`https://127.0.0.1:${port}/roots/0`, { rejectUnauthorized: false }, (answer) => {
      text(answer).then(resolve, reject);
    }).on('error', reject);
  });
}
