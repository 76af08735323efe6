import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { execa } from 'execa';

test('threads of a repository that nobody closed do not keep the process from ending', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'relocate-threads-'));
  try {
    const program = new URL('./support/forgets-to-close.ts', import.meta.url).pathname;
    const { stdout, exitCode } = await execa('node', ['--no-warnings', program, join(folder, 'repository')], {
      timeout: 60_000,
    });
    expect({ stdout, exitCode }).toEqual({ stdout: 'saved', exitCode: 0 });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
