import { randomBytes } from 'node:crypto';
import { chmod, chown, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { spawn } from 'node:child_process';
import { RelocateError, systemCodeOf } from '../errors.ts';
import { linesOfSets, nameServersOf, parseZone, replaceSets, setsOf, type ZoneText } from './file-text.ts';
import { checkUnchanged } from './refusals.ts';
import type { DnsZone, RecordChange, ZoneContext } from './zone.ts';

/** A zone file on this machine: edited where that is asked for, else a person is told what to write. */
export interface FileOptions {
  /** Absolute. */
  path: string;
  edit: boolean;
  /** Command line that makes the server read the file again. */
  reload?: string | undefined;
}

export async function openFile(zone: string, options: FileOptions, context: ZoneContext): Promise<DnsZone> {
  await read(options.path, zone);
  return {
    provider: 'file',
    name: zone,
    leastTtlSeconds: 1,
    swapsTypes: true,
    byHand: !options.edit,
    list: async (names) => setsOf(await read(options.path, zone), names),
    replace: (change) =>
      options.edit ? edit(zone, change, options, context) : tell(change, options, context),
    nameServers: async () => nameServersOf(await read(options.path, zone), zone),
  };
}

async function read(path: string, zone: string): Promise<ZoneText> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new RelocateError('dns-zone-missing', `The zone file cannot be read: ${path}`, {
      facts: { path, reason: systemCodeOf(cause) },
      hint: 'Nothing was changed. Look at “file” under dns.provider in relocate.yaml.',
      cause,
    });
  });
  return parseZone(text, zone);
}

function tell({ before, after }: RecordChange, { path }: FileOptions, { say }: ZoneContext): Promise<void> {
  const lines = [
    ...linesOfSets(before).map((line) => `  - ${line}`),
    ...linesOfSets(after).map((line) => `  + ${line}`),
  ];
  say(`Change this in ${path} now, with a greater serial number, and reload the zone:\n${lines.join('\n')}`);
  return Promise.resolve();
}

async function edit(
  zone: string,
  change: RecordChange,
  options: FileOptions,
  context: ZoneContext,
): Promise<void> {
  const file = await read(options.path, zone);
  checkUnchanged(change, setsOf(file, [change.name]));
  const text = replaceSets(file, change.name, change.after, new Date());
  // What cannot be read back as it was meant is not written.
  checkUnchanged({ ...change, before: change.after }, setsOf(parseZone(text, zone), [change.name]));
  await writeInPlace(options.path, text);
  if (options.reload !== undefined) await reload(options.reload, context);
}

/** Whole or not at all, with the owner and mode that the file had. */
async function writeInPlace(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomBytes(4).toString('hex')}.new`;
  try {
    const { uid, gid, mode } = await stat(path);
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await chown(draft, uid, gid).catch(() => {});
    await chmod(draft, mode & 0o777);
    await rename(draft, path);
  } catch (cause) {
    await rm(draft, { force: true });
    throw new RelocateError('dns-failed', `The zone file cannot be written: ${path}`, {
      facts: { path, reason: systemCodeOf(cause) },
      hint: 'It is as it was.',
      cause,
    });
  }
}

async function reload(command: string, { signal }: ZoneContext): Promise<void> {
  signal.throwIfAborted();
  const child = spawn('/bin/sh', ['-c', command], { stdio: ['ignore', 'ignore', 'inherit'] });
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('exit', resolve);
  });
  if (exitCode === 0) return;
  throw new RelocateError('dns-failed', `The zone file is written, but reloading the server failed.`, {
    facts: { command, exitCode: exitCode ?? undefined },
    hint: 'Reload it by hand, then run the same command again; it goes on from there.',
  });
}
