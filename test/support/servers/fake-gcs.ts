import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificate } from './certificate.ts';
import { findProgram, startServer } from './server.ts';

/** A server that speaks Google Cloud Storage’s protocol; bin/setup --for test builds it. */
export const fakeGcsProgram = findProgram('fake-gcs-server');
export const fakeGcsReason = 'needs fake-gcs-server: bin/setup --for test builds it where Go is';

export interface FakeGcs {
  port: number;
  /** `127.0.0.1:PORT`, as STORAGE_EMULATOR_HOST takes it. */
  host: string;
  /** The certificate that a client is to trust; only with `tls`. */
  certificate: string;
  stop(): Promise<void>;
}

/** With `tls` it takes itself for Google: what is sent to it must be sent to `storage.googleapis.com`. */
export async function startFakeGcs({ tls = false } = {}): Promise<FakeGcs> {
  if (fakeGcsProgram === undefined) throw new Error(fakeGcsReason);
  const folder = await mkdtemp(join(tmpdir(), 'relocate-gcs-'));
  const [certificate, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')];
  const name = 'storage.googleapis.com';
  if (tls) makeCertificate(name, { certificate, key });
  const server = await startServer(fakeGcsProgram, (port) => [
    '-scheme',
    tls ? 'https' : 'http',
    ...(tls ? ['-cert-location', certificate, '-private-key-location', key] : []),
    // The public address is the one that it hands out, as for downloads.
    ...`-host 127.0.0.1 -port ${port} -backend memory -log-level error -public-host`.split(' '),
    tls ? name : `127.0.0.1:${port}`,
  ]);
  return {
    port: server.port,
    host: `127.0.0.1:${server.port}`,
    certificate,
    async stop() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
