import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { findSecrets, type DeriveSecret } from '../../src/relocation/deployment-keys.ts';
import { testPassword } from './cli.ts';
import type { LostApp } from './deploy-app.ts';
import { filesIn as contentsIn } from './folder-snapshot.ts';
import { readQuietly } from './read-quietly.ts';

/** What tests need that look for secrets where none may be: in processes and in files. */

export interface SeenProcess {
  arguments: string;
  environment: string;
}

/**
 * Processes that are `ours`, by their environment and number, as long as they were seen: until the returned function is
 * called, which returns them. Those of a container are seen too.
 */
export function watchProcesses(
  isOurs: (environment: string, pid: string) => boolean,
  everyMs = 10,
): () => SeenProcess[] {
  const seen = new Map<string, SeenProcess>();
  const timer = setInterval(() => {
    for (const pid of readdirSync('/proc')) {
      if (!/^\d+$/.test(pid)) continue;
      const before = readQuietly(`/proc/${pid}/cmdline`);
      const environment = readQuietly(`/proc/${pid}/environ`);
      if (!isOurs(environment, pid)) continue;
      const after = readQuietly(`/proc/${pid}/cmdline`);
      // One that became another program in between has the environment of neither for sure, but both lists count.
      const isSame = before === after;
      for (const line of isSame ? [after] : [before, after]) {
        const one = {
          arguments: line.replaceAll('\0', ' '),
          environment: isSame ? environment.replaceAll('\0', '\n') : '',
        };
        seen.set(`${one.arguments}\n${one.environment}`, one);
      }
    }
  }, everyMs);
  return () => {
    clearInterval(timer);
    return [...seen.values()];
  };
}

/** Secrets of an app that was deployed, by what they are. */
export async function secretsOf(app: LostApp, deployment: string): Promise<Record<string, string>> {
  const repository = await app.open();
  try {
    const root = repository.copies[0]?.key?.deriveSecret(`deployment/${deployment}`) ?? '';
    const derive = await deriveOf(app, deployment);
    return {
      'the root of its secrets': root,
      'the repository’s password': testPassword,
      'the old database’s password': 'old secret',
      'the old one, as in a URL': 'old%20secret',
      'the new database’s password': derive(`postgres/${deployment}/db`),
      'the new server’s password': derive(`postgres/${deployment}/db/admin`),
      'the stack’s passphrase': derive(`pulumi/${deployment}`),
    };
  } finally {
    await repository.close();
  }
}

export async function deriveOf(app: LostApp, deployment: string): Promise<DeriveSecret> {
  const repository = await app.open();
  try {
    const derive = await findSecrets(repository, { deployment, folder: '', leadId: repository.id });
    if (derive === undefined) throw new Error('no secrets');
    return derive;
  } finally {
    await repository.close();
  }
}

/** `NAME OF SECRET: WHERE` for each secret in each text. */
export function findings(
  secrets: Readonly<Record<string, string>>,
  texts: Iterable<readonly [where: string, text: string]>,
): string[] {
  return [...texts].flatMap(([where, text]) =>
    Object.entries(secrets).flatMap(([name, secret]) => (text.includes(secret) ? [`${name}: ${where}`] : [])),
  );
}

/** Contents of all files below a folder, each byte a character, by their paths. */
export async function filesIn(folder: string): Promise<Map<string, string>> {
  const found = [...(await contentsIn(folder))];
  return new Map(found.map(([path, content]) => [join(folder, path), content.toString('latin1')]));
}
