import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A folder for PATH in which the engine finds the plugin, made in `parent`, and how to remove it. */
export async function pluginFolder(parent = tmpdir()): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(parent, 'relocate-lab-plugin-'));
  const main = fileURLToPath(new URL('main.ts', import.meta.url));
  const command = [process.execPath, '--no-warnings', main].map(
    (word) => `'${word.replaceAll("'", `'\\''`)}'`,
  );
  const script = `#!/bin/sh\nexec ${command.join(' ')} "$@"\n`;
  await writeFile(join(path, 'pulumi-resource-hcloud'), script, { mode: 0o755 });
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
