import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseApp } from '../../src/app/parse.ts';
import { silent } from '../../src/events.ts';
import { savedTree } from '../../src/filesystem/restore.ts';
import { readManifest } from '../../src/relocation/manifest.ts';
import { takeSnapshot } from '../../src/relocation/snapshot.ts';
import type { SnapshotResult } from '../../src/relocation/types.ts';
import { createRepository } from '../../src/repository/index.ts';
import type { Repository } from '../../src/repository/repository.ts';
import { sourceOf } from '../../src/sources/index.ts';
import type { SavedSource } from '../../src/sources/source.ts';
import { LocalStorage } from '../../src/storage/local.ts';
import { schemas } from '../support/deploy-app.ts';
import { hasDocker, startEngine, type TestEngine } from '../support/docker.ts';

const describeHere = hasDocker ? describe : describe.skip;
const password = 'correct horse battery staple';
const { signal } = new AbortController();

const composeFile = `
services:
  web:
    image: example/web:1
  worker:
    build: .
    environment: { TOKEN: "\${TOKEN}" }
`;

describeHere('images of a Compose app (skipped without root, or without the lab)', () => {
  let engine: TestEngine;
  let before: NodeJS.ProcessEnv;
  let folder: string;
  let appFolder: string;
  let repository: Repository;

  beforeAll(async () => {
    before = { ...process.env };
    folder = await mkdtemp(join(tmpdir(), 'relocate-images-'));
    engine = await startEngine();
    Object.assign(process.env, engine.environment);
    const base = 'FROM scratch\nCOPY base /base\n';
    await engine.build('base:1', base, { base: 'shared by both'.repeat(100_000) });
    await engine.build('example/web:1', 'FROM base:1\nCOPY web /web\nCMD ["/web"]\n', { web: 'the web\n' });
    appFolder = join(folder, 'Guest Book');
    await mkdir(appFolder);
    await writeFile(join(appFolder, 'compose.yaml'), composeFile);
    await writeFile(join(appFolder, '.env'), 'TOKEN=open-sesame-4711\n');
    await writeFile(join(appFolder, 'relocate.yaml'), 'app: guestbook\nservices: compose.yaml\n');
    repository = await createRepository(new LocalStorage(join(folder, 'repository')), password);
  });
  afterAll(async () => {
    for (const name of ['PATH', 'DOCKER_HOST', 'DOCKER_CONFIG', 'DOCKER_BUILDKIT']) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
    await repository?.close();
    await engine?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function snapshot(text?: string): Promise<SnapshotResult> {
    const path = join(appFolder, 'relocate.yaml');
    const configText = text ?? (await readFile(path, 'utf8'));
    const app = await parseApp(configText, {
      path,
      folder: appFolder,
      environment: {},
      readFile: (file) => readFile(file, 'utf8').catch(() => undefined),
      ...schemas,
    });
    return takeSnapshot(
      {
        app,
        configText,
        repository,
        stateFolder: join(folder, 'state'),
        sourceOf,
        providerOf: () => 'this machine',
      },
      { emit: silent, signal },
    );
  }

  async function savedImages(id: string): Promise<{ saved: SavedSource; tree: string }> {
    const found = await repository.findSnapshot(id);
    const { images } = await readManifest(repository, found);
    if (images === undefined) throw new Error('the snapshot has no images');
    return { saved: images, tree: found.tree };
  }

  const context = async (tree: string, saved: SavedSource) => ({
    name: 'images',
    folder: appFolder,
    environment: {},
    emit: silent,
    signal,
    saved: await savedTree(repository, tree, saved.path, { emit: silent, signal }),
    scratch: folder,
    parallel: 2,
  });

  test('a service that was never built is refused with the command that builds it', async () => {
    await expect(snapshot()).rejects.toMatchObject({
      code: 'source-failed',
      message: expect.stringContaining('worker'),
      hint: expect.stringContaining('docker compose build worker'),
    });
    expect((await snapshot('app: bare\nservices: compose.yaml\nimages: false\n')).problems).toEqual([]);
  });

  test('come with the snapshot, each layer once, pinned by ID and platform, and no secret with them', async () => {
    await engine.build('guestbook-worker', 'FROM base:1\nCOPY worker /worker\n', { worker: 'the worker\n' });
    const { snapshot: id } = await snapshot();
    const { saved } = await savedImages(id);
    expect(saved.details).toMatchObject({
      services: { web: await engine.docker('image', 'inspect', '--format', '{{.Id}}', 'example/web:1') },
    });
    const images = saved.details['images'] as { architecture: string; layers: { digest: string }[] }[];
    expect(images.map(({ architecture }) => architecture)).toEqual(['amd64', 'amd64']);
    const layers = images.flatMap((image) => image.layers.map(({ digest }) => digest));
    expect(layers).toHaveLength(4);
    expect(new Set(layers).size).toBe(3);
    expect(JSON.stringify(saved)).not.toContain('open-sesame');
  });

  test('that did not change cost the next snapshot nothing, and are not asked of the engine again', async () => {
    const first = await snapshot();
    const { PATH } = process.env;
    const shim = join(folder, 'shim');
    await mkdir(shim);
    const script = `#!/bin/sh\ncase "$1" in save) exit 9;; esac\nPATH='${PATH}' exec docker "$@"\n`;
    await writeFile(join(shim, 'docker'), script, { mode: 0o755 });
    process.env['PATH'] = `${shim}:${PATH}`;
    try {
      const { addedBytes } = repository.stats();
      const second = await snapshot();
      expect((await savedImages(second.snapshot)).saved.details).toEqual(
        (await savedImages(first.snapshot)).saved.details,
      );
      // The manifest tells the time, and is all that is new but for folders.
      expect(second.addedBytes - addedBytes).toBeLessThan(40_000);
    } finally {
      process.env['PATH'] = PATH;
    }
  });

  test('come back by hand with stock restic and docker load, under their names', async () => {
    const { snapshot: id } = await snapshot();
    await engine.docker('image', 'prune', '--all', '--force');
    const restic = { ...process.env, RESTIC_PASSWORD: password };
    const back = join(folder, 'back');
    const run = (command: string) =>
      promisify(execFile)('/bin/sh', ['-c', command], { cwd: folder, env: restic });
    await run(`restic -q -r repository restore ${id} --target ${back}`);
    const text = await readFile(join(back, 'README.txt'), 'utf8');
    const [, command] = /^ {4}(tar -C .*docker load).*$/m.exec(text) ?? [];
    await promisify(execFile)('/bin/sh', ['-c', command ?? 'false'], { cwd: back, env: restic });
    const names = await engine.docker('image', 'ls', '--format', '{{.Repository}}:{{.Tag}}');
    expect(names.split('\n').toSorted()).toEqual(['example/web:1', 'guestbook-worker:latest']);
    expect((await readdir(join(back, 'images'))).toSorted()).toEqual([
      'blobs',
      'index.json',
      'manifest.json',
      'oci-layout',
    ]);
  });

  test('are loaded under names of the deployment alone, and hold what was captured', async () => {
    const { saved, tree } = await savedImages((await snapshot()).snapshot);
    await engine.docker('image', 'rm', '--force', 'example/web:1', 'guestbook-worker:latest');
    const destination = { kind: 'engine', repository: 'relocate/guestbook-local-1' } as const;
    const source = sourceOf('images');
    const missing = await source.fingerprint(saved, destination, await context(tree, saved));
    expect(Object.values(missing.facts)).toEqual(['missing', 'missing']);
    await source.restore(saved, destination, await context(tree, saved));
    // Once more: nothing is left to do.
    await source.restore(saved, destination, await context(tree, saved));
    const actual = await source.fingerprint(saved, destination, await context(tree, saved));
    expect(actual.facts).toEqual(saved.fingerprint.facts);
    const names = await engine.docker('image', 'ls', '--format', '{{.Repository}}');
    expect(new Set(names.split('\n'))).toEqual(new Set(['relocate/guestbook-local-1']));
  });

  test('of which a part was exchanged are not loaded', async () => {
    const found = await savedImages((await repository.findSnapshot('latest')).id);
    await engine.docker('image', 'prune', '--all', '--force');
    const lying = await context(found.tree, found.saved);
    const honest = lying.saved;
    const destination = { kind: 'engine', repository: 'relocate/liar' } as const;
    const layers = (found.saved.details['images'] as { layers: { digest: string }[] }[])[0]!.layers;
    const victim = layers.at(-1)!.digest.slice('sha256:'.length);
    lying.saved = {
      ...honest,
      async *read(name) {
        for await (const part of honest.read(name)) {
          if (name.endsWith(victim)) part[0]! ^= 1;
          yield part;
        }
      },
    };
    await expect(sourceOf('images').restore(found.saved, destination, lying)).rejects.toMatchObject({
      code: 'snapshot-hostile',
    });
    expect(await engine.docker('image', 'ls', '--quiet', 'relocate/liar')).toBe('');
  });
});
