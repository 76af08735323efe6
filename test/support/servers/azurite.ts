import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeCertificate } from './certificate.ts';
import { startServer } from './server.ts';

/** A server that speaks Azure Blob Storage’s protocol; bin/setup --for test brings it. */
const program = fileURLToPath(
  new URL('../../../.tools/azurite/node_modules/azurite/dist/src/blob/main.js', import.meta.url),
);
export const hasAzurite = existsSync(program);
export const azuriteReason = 'needs azurite: bin/setup --for test brings it';

export const azureAccount = 'relocatetest';
export const azureKey = Buffer.from('a key of the tests and of nothing else').toString('base64');

export interface Azurite {
  port: number;
  /** `http://127.0.0.1:PORT/ACCOUNT`; over TLS, requests name the account by the host instead. */
  endpoint: string;
  connectionString: string;
  /** The certificate that a client is to trust; only with `tls`. */
  certificate: string;
  stop(): Promise<void>;
}

/** The domain that its certificate is for: accounts are below it, as they are at Azure. */
export const azureSuffix = 'relocate.test';

export async function startAzurite({ tls = false } = {}): Promise<Azurite> {
  const folder = await mkdtemp(join(tmpdir(), 'relocate-azurite-'));
  const [certificate, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')];
  if (tls) makeCertificate(`*.blob.${azureSuffix}`, { certificate, key });
  const server = await startServer(
    process.execPath,
    (port) => [
      program,
      ...`--blobHost 127.0.0.1 --blobPort ${port} --silent --skipApiVersionCheck --disableTelemetry`.split(
        ' ',
      ),
      '--location',
      join(folder, 'served'),
      ...(tls ? ['--cert', certificate, '--key', key, '--oauth', 'basic'] : []),
    ],
    { env: { HOME: folder, AZURITE_ACCOUNTS: `${azureAccount}:${azureKey}` } },
  );
  const endpoint = `${tls ? 'https' : 'http'}://127.0.0.1:${server.port}/${azureAccount}`;
  return {
    port: server.port,
    endpoint,
    connectionString: `DefaultEndpointsProtocol=http;AccountName=${azureAccount};AccountKey=${azureKey};BlobEndpoint=${endpoint};`,
    certificate,
    async stop() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
