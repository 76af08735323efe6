import { mkdir, mkdtemp, readFile, rm, stat, writeFile, chown } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { volume } from '../../src/sources/files-volume.ts';
import { sourceContract } from '../contract/source.ts';
import { hasDocker, startEngine, type TestEngine } from '../support/docker.ts';
import { contextIn } from '../support/saved-folder.ts';
import { createSourceStore } from '../support/source-store.ts';

const describeHere = hasDocker ? describe : describe.skip;

const composeFile = `
services:
  web: { image: example/web:1, volumes: ['state:/state', 'named:/named'] }
volumes: { state: , named: { name: shared-by-name }, idle: }
`;

describeHere('named volumes of a Compose app (skipped without root, or without the lab)', () => {
  let engine: TestEngine;
  let folder: string;
  const before = { ...process.env };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'relocate-volume-'));
    engine = await startEngine();
    Object.assign(process.env, engine.environment);
    await mkdir(join(folder, 'shop'));
    await writeFile(join(folder, 'shop', 'compose.yaml'), composeFile);
  }, 60_000);
  afterAll(async () => {
    for (const name of Object.keys(engine?.environment ?? {})) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
    await engine?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function make(name: string): Promise<string> {
    await engine.docker('volume', 'create', name);
    return engine.docker('volume', 'inspect', '--format', '{{.Mountpoint}}', name);
  }

  const prepare = (options: string) =>
    volume.prepare(options, {
      ...contextIn(join(folder, 'shop')),
      composeFile: join(folder, 'shop', 'compose.yaml'),
    });

  test('are found by the name that the Compose file has for them, and come back with their owners', async () => {
    const path = await make('shop_state');
    await mkdir(join(path, 'inner'), { mode: 0o700 });
    await writeFile(join(path, 'inner', 'note'), 'kept\n');
    await chown(path, 70, 71);
    await chown(join(path, 'inner', 'note'), 999, 998);
    await writeFile(join(await make('shared-by-name'), 'other'), 'by its own name\n');
    const store = await createSourceStore(folder);
    try {
      for (const [name, file] of [
        ['state', 'inner/note'],
        ['named', 'other'],
      ] as const) {
        const context = contextIn(folder);
        const { captured, tree } = await store.capture(await prepare(name), context.signal);
        const saved = { ...captured, name, kind: 'volume', path: '/data/db', startedAt: '', durationMs: 0 };
        const destination = { kind: 'path', path: join(folder, `back-${name}`) } as const;
        const restoring = { ...context, saved: await store.read(tree), scratch: folder, parallel: 2 };
        await volume.restore(saved, destination, restoring);
        expect((await volume.fingerprint(saved, destination, restoring)).facts).toEqual(
          captured.fingerprint.facts,
        );
        expect(await readFile(join(destination.path, file), 'utf8')).toMatch(/kept|by its own name/);
      }
    } finally {
      await store.close();
    }
    expect(await stat(join(folder, 'back-state'))).toMatchObject({ uid: 70, gid: 71 });
    expect(await stat(join(folder, 'back-state/inner/note'))).toMatchObject({ uid: 999, gid: 998 });
  }, 60_000);

  test('that the Compose file does not have are named, with those that it has', async () => {
    await expect(prepare('stat')).rejects.toMatchObject({
      code: 'source-failed',
      hint: expect.stringContaining('It has: named, state'),
    });
  });

  test('that were never made are no empty success', async () => {
    await engine.docker('volume', 'rm', 'shared-by-name');
    await expect(prepare('named')).rejects.toMatchObject({
      code: 'source-failed',
      message: expect.stringMatching(/no such volume/i),
    });
  });

  sourceContract('volume', async () => {
    const full = await make('full');
    for (let n = 0; n < 40; n += 1) await writeFile(join(full, `${n}.bin`), randomBytes(200_000));
    await make('nothing');
    return {
      kind: 'volume',
      options: 'full',
      emptyOptions: { name: 'nothing' },
      missingOptions: 'missing',
      killAfterMs: [1, 20],
      newDestination: async () => ({
        kind: 'path',
        path: join(folder, `back-${randomBytes(4).toString('hex')}`),
      }),
      async damage(destination) {
        if (destination.kind !== 'path') throw new Error('not a path');
        const file = join(destination.path, '5.bin');
        const content = await readFile(file);
        content[100_000] = (content[100_000] ?? 0) ^ 1;
        await writeFile(file, content);
      },
      cleanUp: async () => {},
    };
  });
});
