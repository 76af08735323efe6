import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { sourceOf } from '../../src/sources/index.ts';
import type { Destination, RestoreContext, SavedSource, Source } from '../../src/sources/source.ts';
import { contextIn } from '../support/saved-folder.ts';
import { createSourceStore, type SourceStore } from '../support/source-store.ts';

/** What a source's test brings: real state, empty places, and a way to damage what came back. */
export interface SourceCase {
  kind: string;
  /** As written in relocate.yaml: state that holds something. */
  options: unknown;
  /** State of the same kind that is sound and holds nothing. */
  emptyOptions: unknown;
  /** State that is not there. */
  missingOptions: unknown;
  /** A place where nothing is yet; another one at each call. */
  newDestination(): Promise<Destination>;
  /** Changes one value in restored state, leaving all counts as they were. */
  damage(destination: Destination): Promise<void>;
  /** Moments within a restore at which to kill it. */
  killAfterMs: readonly number[];
  cleanUp(): Promise<void>;
}

/** What every source promises, whatever it captures. */
export function sourceContract(name: string, setUp: () => Promise<SourceCase>): void {
  describe(`${name} keeps the contract of a source`, () => {
    let subject: SourceCase;
    let source: Source;
    let folder: string;
    let store: SourceStore;
    let saved: SavedSource;
    let tree: string;

    beforeAll(async () => {
      subject = await setUp();
      source = sourceOf(subject.kind);
      folder = await mkdtemp(path.join(tmpdir(), 'relocate-contract-'));
      store = await createSourceStore(folder);
      ({ saved, tree } = await captureOf(subject.options));
    });
    afterAll(async () => {
      await store.close();
      await subject.cleanUp();
      await rm(folder, { recursive: true, force: true });
    });

    async function captureOf(raw: unknown): Promise<{ saved: SavedSource; tree: string }> {
      const options = source.options.parse(raw);
      const prepared = await source.prepare(options, contextIn(folder));
      try {
        const { captured, tree } = await store.capture(prepared, contextIn(folder).signal);
        // What stands in a manifest has been through JSON.
        const saved = JSON.parse(
          JSON.stringify({
            ...captured,
            name: 'db',
            kind: subject.kind,
            path: '/data/db',
            startedAt: '',
            durationMs: 0,
          }),
        ) as SavedSource;
        return { saved, tree };
      } finally {
        await prepared.release();
      }
    }

    async function restoreTo(destination: Destination): Promise<void> {
      const scratch = path.join(folder, 'scratch');
      await mkdir(scratch, { recursive: true });
      await source.restore(saved, destination, await restoreContext(scratch));
    }

    const factsOf = async (destination: Destination) =>
      (await source.fingerprint(saved, destination, await restoreContext(folder))).facts;

    const restoreContext = async (scratch: string): Promise<RestoreContext> => ({
      ...contextIn(folder),
      saved: await store.read(tree),
      scratch,
      parallel: 2,
    });

    test('what was captured is more than nothing', () => {
      expect(saved.items).toBeGreaterThan(0);
      expect(saved.sizeBytes).toBeGreaterThan(0);
      expect(Object.keys(saved.fingerprint.facts).length).toBeGreaterThan(0);
      expect(saved.problems).toEqual([]);
    });

    test('what comes back has the fingerprint of what was captured', async () => {
      const destination = await subject.newDestination();
      await restoreTo(destination);
      expect(await factsOf(destination)).toEqual(saved.fingerprint.facts);
    });

    test('restoring twice to one place ends as restoring once', async () => {
      const destination = await subject.newDestination();
      await restoreTo(destination);
      await restoreTo(destination);
      expect(await factsOf(destination)).toEqual(saved.fingerprint.facts);
    });

    test('a restore killed half-way is made good by the next one', async () => {
      const destination = await subject.newDestination();
      for (const afterMs of subject.killAfterMs) await killedRestore(destination, afterMs);
      await restoreTo(destination);
      expect(await factsOf(destination)).toEqual(saved.fingerprint.facts);
    });

    async function killedRestore(destination: Destination, afterMs: number): Promise<void> {
      const scratch = await mkdtemp(path.join(folder, 'killed-'));
      const request = path.join(scratch, 'request.json');
      const content = { saved, destination, repository: store.folder, tree, scratch };
      await writeFile(request, JSON.stringify(content), { mode: 0o600 });
      const child = spawn(process.execPath, ['--no-warnings', childProgram, request], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const exited = once(child, 'exit');
      await once(child.stdout, 'data');
      await sleep(afterMs);
      child.kill('SIGKILL');
      await exited;
    }

    test('one changed value shows in the fingerprint', async () => {
      const destination = await subject.newDestination();
      await restoreTo(destination);
      await subject.damage(destination);
      expect(await factsOf(destination)).not.toEqual(saved.fingerprint.facts);
    });

    test('an empty source is captured as no items, for the floor to judge', async () => {
      const empty = await captureOf(subject.emptyOptions);
      expect(empty.saved.items).toBe(0);
    });

    test('a source that is not there is named, with what to do', async () => {
      const failing = captureOf(subject.missingOptions);
      await expect(failing).rejects.toMatchObject({ code: 'source-failed', hint: expect.any(String) });
    });

    test('what was prepared can be released without a capture', async () => {
      const prepared = await source.prepare(source.options.parse(subject.options), contextIn(folder));
      await expect(prepared.release()).resolves.toBeUndefined();
    });

    test('an aborted capture ends with the reason of the abort', async () => {
      const controller = new AbortController();
      const prepared = await source.prepare(source.options.parse(subject.options), {
        ...contextIn(folder),
        signal: controller.signal,
      });
      controller.abort(new Error('enough'));
      await expect(store.capture(prepared, controller.signal)).rejects.toThrow('enough');
      await prepared.release();
    });

    test('the manifest of it holds no password', () => {
      expect(JSON.stringify(saved)).not.toMatch(/SCRAM-SHA-256|password/i);
    });
  });
}

const childProgram = fileURLToPath(new URL('../support/restore-child.ts', import.meta.url));
