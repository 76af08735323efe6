import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import { text } from 'node:stream/consumers';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificate } from './certificate.ts';
import { findProgram, freePort, startServer } from './server.ts';

const program = findProgram('pebble');
const nameServer = findProgram('pebble-challtestsrv');
export const hasPebble = program !== undefined && nameServer !== undefined;
export const pebbleReason =
  'needs pebble, an authority for certificates: bin/setup --for test builds it with Go';

/** An authority that gives certificates to whoever proves to hold a name, as Let's Encrypt does; nobody trusts it. */
export interface Pebble extends AsyncDisposable {
  /** URL of its ACME directory. */
  directory: string;
  /** The certificate, as PEM, that the directory is trusted by. */
  directoryRoot: string;
  /** The root of what it gives out, as PEM; another one at each start. */
  root(): Promise<string>;
}

/** `address`: where it listens. All names lead to `leadingTo`, where it looks for proof on ports 80 and 443. */
export async function startPebble(address: string, leadingTo: string): Promise<Pebble> {
  if (program === undefined || nameServer === undefined) throw new Error(pebbleReason);
  const folder = await mkdtemp(join(tmpdir(), 'relocate-pebble-'));
  const paths = { certificate: join(folder, 'certificate.pem'), key: join(folder, 'key.pem') };
  makeCertificate(address, paths);
  const managementPort = await freePort();
  const listen = (port: number) => `${address}:${port}`;
  const names = await startServer(nameServer, (port) => [
    '-dns01',
    `127.0.0.1:${port}`,
    '-defaultIPv4',
    leadingTo,
    // What it would serve as well.
    ...['-defaultIPv6', '-http01', '-https01', '-tlsalpn01', '-doh', '-management'].flatMap((off) => [
      off,
      '',
    ]),
  ]);
  // The settings hold the port, which is known only when the program is about to start.
  const starter = join(folder, 'start.sh');
  const settings = {
    pebble: {
      listenAddress: '@LISTEN@',
      managementListenAddress: listen(managementPort),
      certificate: paths.certificate,
      privateKey: paths.key,
      httpPort: 80,
      tlsPort: 443,
    },
  };
  await writeFile(join(folder, 'settings.in'), JSON.stringify(settings));
  await writeFile(
    starter,
    '#!/bin/sh\nsed "s/@LISTEN@/$1/" "$2/settings.in" >"$2/settings.json"\nexec "$3" -config "$2/settings.json" -dnsserver "$4"\n',
    { mode: 0o755 },
  );
  const pebble = await startServer(
    starter,
    (port) => [listen(port), folder, program, `127.0.0.1:${names.port}`],
    { address, env: { PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '0' } },
  );
  const directoryRoot = await readFile(paths.certificate, 'utf8');
  return {
    directory: `https://${listen(pebble.port)}/dir`,
    directoryRoot,
    root: () =>
      new Promise((resolve, reject) => {
        get(`https://${listen(managementPort)}/roots/0`, { ca: directoryRoot }, (answer) => {
          text(answer).then(resolve, reject);
        }).on('error', reject);
      }),
    async [Symbol.asyncDispose]() {
      await pebble.stop();
      await names.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
