import { access, constants, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { findComposeObstacle } from '../../src/hosts/compose.ts';
import { runLocally } from '../../src/hosts/local.ts';
import { findPostgres } from '../../src/postgres/binaries.ts';
import { RelocateError } from '../../src/errors.ts';
import type { LocalOptions } from './options.ts';
import type { DeployRequest, Finding } from '../target.ts';

const reserveBytes = 64 * 1024 * 1024;

/** Looks, and touches nothing. */
export async function preflightLocal(options: LocalOptions, request: DeployRequest): Promise<Finding[]> {
  const existing = await nearestExisting(request.folder);
  return [
    await checkWritable(existing),
    await checkRoom(existing, request.sizeBytes),
    ...(options.postgres === undefined ? await checkPostgres(request) : []),
    ...(request.services?.kind === 'compose' ? [await checkCompose()] : []),
  ];
}

async function nearestExisting(path: string): Promise<string> {
  const found = await access(path).then(
    () => true,
    () => false,
  );
  return found || dirname(path) === path ? path : nearestExisting(dirname(path));
}

async function checkWritable(folder: string): Promise<Finding> {
  try {
    await access(folder, constants.W_OK | constants.X_OK);
    return { level: 'ok', code: 'folder-writable', message: `${folder} can be written to` };
  } catch {
    return {
      level: 'refused',
      code: 'folder-writable',
      message: `${folder} cannot be written to`,
      hint: 'Choose another folder for the target, or run as its owner.',
    };
  }
}

async function checkRoom(folder: string, sizeBytes: number): Promise<Finding> {
  const { bavail, bsize } = await statfs(folder);
  const freeBytes = bavail * bsize;
  const facts = `${sizeBytes} bytes to restore, ${freeBytes} bytes free at ${folder}`;
  if (freeBytes < sizeBytes + reserveBytes) {
    return {
      level: 'refused',
      code: 'disk-room',
      message: `Not enough room: ${facts}`,
      hint: 'Free some room, or choose a folder on another disk for the target.',
    };
  }
  // A dump holds no indexes: a database can grow to more than its dump.
  if (freeBytes < 2 * sizeBytes + reserveBytes) {
    return { level: 'warning', code: 'disk-room', message: `Room may get tight: ${facts}` };
  }
  return { level: 'ok', code: 'disk-room', message: facts };
}

async function checkPostgres(request: DeployRequest): Promise<Finding[]> {
  const majors = request.databases
    .filter(({ kind }) => kind === 'postgres')
    .map(({ majorVersion }) => majorVersion);
  if (majors.length === 0) return [];
  try {
    const found = await findPostgres({ atLeastMajor: Math.max(...majors), tools: ['postgres', 'initdb'] });
    return [{ level: 'ok', code: 'postgres', message: `PostgreSQL ${found.version} in ${found.folder}` }];
  } catch (error) {
    if (!(error instanceof RelocateError)) throw error;
    return [refusal('postgres', error)];
  }
}

async function checkCompose(): Promise<Finding> {
  const obstacle = await findComposeObstacle({ run: runLocally });
  return obstacle === undefined
    ? { level: 'ok', code: 'compose', message: 'Docker Compose is there, and its engine answers' }
    : refusal('compose', obstacle);
}

function refusal(code: string, { message, hint }: RelocateError): Finding {
  return { level: 'refused', code, message, ...(hint === undefined ? {} : { hint }) };
}
