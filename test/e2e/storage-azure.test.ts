import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { openAzureStorage } from '../../src/storage/azure.ts';
import { openStorage } from '../../src/storage/index.ts';
import { errorOf, named, storageContract } from '../contract/storage.ts';
import { smallApp, storageJudged } from '../contract/storage-judged.ts';
import { differences, filesIn } from '../support/folder-snapshot.ts';
import { seeded } from '../support/random.ts';
import {
  azureAccount,
  azureKey,
  azureSuffix,
  azuriteReason,
  hasAzurite,
  startAzurite,
  type Azurite,
} from '../support/servers/azurite.ts';
import { startConnectProxy } from '../support/servers/connect-proxy.ts';
import { startFaultyProxy, type Fate } from '../support/servers/proxy.ts';
import type { RunningServer } from '../support/servers/server.ts';

const random = seeded(4007);
const content = random.bytes(100_000);
const file = named('pack', content);

(hasAzurite ? describe : describe.skip)(`on a server of Azure Blob Storage (${azuriteReason})`, () => {
  let azurite: Azurite;

  beforeAll(async () => {
    azurite = await startAzurite();
    process.env['AZURE_STORAGE_CONNECTION_STRING'] = azurite.connectionString;
  });
  afterEach(() => {
    process.env['AZURE_STORAGE_CONNECTION_STRING'] = azurite.connectionString;
  });
  afterAll(async () => {
    delete process.env['AZURE_STORAGE_CONNECTION_STRING'];
    await azurite.stop();
  });

  storageContract('a container of Azure Blob Storage', async () => {
    const url = 'azure:contract:/a/prefix';
    return { storage: await openStorage(url), again: () => openStorage(url), cleanUp: async () => {} };
  });

  // restic sends this server a header without a value, which it takes from nobody: so a copy is judged.
  storageJudged('a new container', async () => ({ urlOf: (name) => `azure:new-${name}:/a/prefix` }));

  test('a key that is wrong is told apart, with what to set, and appears nowhere', async () => {
    const wrongKey = Buffer.from('another key').toString('base64');
    process.env['AZURE_STORAGE_CONNECTION_STRING'] = azurite.connectionString.replace(azureKey, wrongKey);
    const storage = await openAzureStorage('contract:/');
    const error = await errorOf(storage.list('key'));
    expect(error).toMatchObject({ code: 'storage-failed', retryable: false });
    expect(error.hint).toContain('AZURE_ACCOUNT_KEY');
    expect(JSON.stringify([error, error.message, error.stack])).not.toContain(wrongKey);
  });

  test('content that changed on its way is refused by the server', async () => {
    const proxy = await startFaultyProxy(azurite.endpoint, () => 'pass', { flipsUploads: true });
    process.env['AZURE_STORAGE_CONNECTION_STRING'] = azurite.connectionString.replace(
      String(azurite.port),
      new URL(proxy.endpoint).port,
    );
    const storage = await openAzureStorage('contract:/');
    expect(await errorOf(storage.save(file, [content]))).toMatchObject({
      code: 'storage-failed',
      retryable: true,
    });
    expect(await storage.size(file)).toBeUndefined();
    await proxy.stop();
  });

  test('a server that is busy, loses connections and breaks off answers costs time and no byte', async () => {
    const fates: Fate[] = ['refuse', 'cut-request', 'cut-answer'];
    const seen = { PUT: 0, other: 0 };
    const proxy = await startFaultyProxy(azurite.endpoint, ({ method }) => {
      const kind = method === 'PUT' ? method : 'other';
      seen[kind] += 1;
      const every = kind === 'PUT' ? 3 : 7;
      const fate = seen[kind] % every === 0 ? fates[(seen[kind] / every) % fates.length] : undefined;
      return fate === 'cut-request' && kind === 'other' ? 'cut-answer' : (fate ?? 'pass');
    });
    const through = azurite.connectionString.replace(String(azurite.port), new URL(proxy.endpoint).port);
    const app = await smallApp({ AZURE_STORAGE_CONNECTION_STRING: through });
    try {
      const url = 'azure:troubled:/by/faults';
      await app.run(url, 'init', '--repository');
      const said = await app.run(url, 'snapshot');
      await app.run(url, 'check', '--read-data');
      const target = await app.emptyFolder();
      await app.run(url, 'restore', 'latest', '--target', target);
      expect(differences(await filesIn(join(target, 'data/files')), app.contents)).toEqual([]);
      expect(proxy.faults).toEqual(
        expect.arrayContaining(['PUT refuse', 'PUT cut-request', 'GET cut-answer']),
      );
      expect(said).toMatch(/Trying again/);
    } finally {
      await proxy.stop();
      await app.remove();
    }
  }, 180_000);

  describe('by its own name, over TLS', () => {
    let served: Azurite;
    let proxy: RunningServer;

    beforeAll(async () => {
      served = await startAzurite({ tls: true });
      proxy = await startConnectProxy(served.port);
    });
    afterAll(async () => {
      await proxy.stop();
      await served.stop();
    });

    test('a snapshot is made, passes a check of every byte, and comes back', async () => {
      const app = await smallApp({
        AZURE_STORAGE_CONNECTION_STRING: '',
        AZURE_ACCOUNT_NAME: azureAccount,
        AZURE_ACCOUNT_KEY: azureKey,
        AZURE_ENDPOINT_SUFFIX: azureSuffix,
        HTTPS_PROXY: `http://127.0.0.1:${proxy.port}`,
        NODE_EXTRA_CA_CERTS: served.certificate,
      });
      const url = 'azure:by-name:/a/prefix';
      await app.run(url, 'init', '--repository');
      await app.run(url, 'snapshot');
      await app.run(url, 'check', '--read-data');
      const target = await app.emptyFolder();
      await app.run(url, 'restore', 'latest', '--target', target);
      expect(differences(await filesIn(join(target, 'data/files')), app.contents)).toEqual([]);
      await app.remove();
    }, 120_000);
  });
});
