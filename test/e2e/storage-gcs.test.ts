import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { openStorage } from '../../src/storage/index.ts';
import { storageContract } from '../contract/storage.ts';
import { smallApp, storageJudged } from '../contract/storage-judged.ts';
import { differences, filesIn } from '../support/folder-snapshot.ts';
import { startConnectProxy } from '../support/servers/connect-proxy.ts';
import { fakeGcsProgram, fakeGcsReason, startFakeGcs, type FakeGcs } from '../support/servers/fake-gcs.ts';
import { startFaultyProxy, type Fate } from '../support/servers/proxy.ts';
import type { RunningServer } from '../support/servers/server.ts';

(fakeGcsProgram === undefined ? describe.skip : describe)(
  `on a server of Google Cloud Storage (${fakeGcsReason})`,
  () => {
    let server: FakeGcs;

    beforeAll(async () => {
      server = await startFakeGcs();
      process.env['STORAGE_EMULATOR_HOST'] = server.host;
      process.env['GOOGLE_PROJECT_ID'] = 'relocate-test';
    });
    afterAll(async () => {
      delete process.env['STORAGE_EMULATOR_HOST'];
      delete process.env['GOOGLE_PROJECT_ID'];
      await server.stop();
    });

    storageContract('a bucket of Google Cloud Storage', async () => {
      const url = 'gs:contract:/a/prefix';
      return { storage: await openStorage(url), again: () => openStorage(url), cleanUp: async () => {} };
    });

    describe('as Google itself, over TLS', () => {
      let google: FakeGcs;
      let proxy: RunningServer;

      beforeAll(async () => {
        google = await startFakeGcs({ tls: true });
        proxy = await startConnectProxy(google.port);
      });
      afterAll(async () => {
        await proxy.stop();
        await google.stop();
      });

      storageJudged('a new bucket', async () => {
        const env = {
          STORAGE_EMULATOR_HOST: '',
          GOOGLE_ACCESS_TOKEN: 'some-token',
          HTTPS_PROXY: `http://127.0.0.1:${proxy.port}`,
          NODE_USE_ENV_PROXY: '1',
          NODE_EXTRA_CA_CERTS: google.certificate,
        };
        return {
          urlOf: (name) => `gs:bucket-${name}:/a/prefix`,
          env,
          restic: { env, args: ['--cacert', google.certificate] },
        };
      });
    });

    test('a server that is busy, loses connections and breaks off answers costs time and no byte', async () => {
      const fates: Fate[] = ['refuse', 'cut-request', 'cut-answer'];
      const seen = { POST: 0, other: 0 };
      const proxy = await startFaultyProxy(`http://${server.host}`, ({ method }) => {
        const kind = method === 'POST' ? method : 'other';
        seen[kind] += 1;
        const every = kind === 'POST' ? 3 : 7;
        const fate = seen[kind] % every === 0 ? fates[(seen[kind] / every) % fates.length] : undefined;
        return fate === 'cut-request' && kind === 'other' ? 'cut-answer' : (fate ?? 'pass');
      });
      const app = await smallApp({ STORAGE_EMULATOR_HOST: proxy.endpoint });
      try {
        const url = 'gs:troubled:/by/faults';
        await app.run(url, 'init', '--repository');
        const said = await app.run(url, 'snapshot');
        await app.run(url, 'check', '--read-data');
        const target = await app.emptyFolder();
        await app.run(url, 'restore', 'latest', '--target', target);
        expect(differences(await filesIn(join(target, 'data/files')), app.contents)).toEqual([]);
        expect(proxy.faults).toEqual(
          expect.arrayContaining(['POST refuse', 'POST cut-request', 'GET cut-answer']),
        );
        expect(said).toMatch(/Trying again/);
      } finally {
        await proxy.stop();
        await app.remove();
      }
    }, 180_000);
  },
);
