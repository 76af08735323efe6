import { setTimeout as sleep } from 'node:timers/promises';
import { RelocateError } from '../errors.ts';
import { findMarked, isAlive, signal, type ProcessRef } from './process.ts';
import { markOf, serviceMark } from './service.ts';

/**
 * Ends all processes of a service: asks with `stopSignal`, waits up to `graceMs`, then kills. Found by the group's
 * leader and by their mark, so that neither a lost record nor a child that left the group escapes. None is no error.
 * Throws `start-failed` for processes that even SIGKILL does not end.
 */
export async function endFamily(
  folder: string,
  name: string,
  leader: ProcessRef | undefined,
  stop: { stopSignal: NodeJS.Signals; graceMs: number },
): Promise<void> {
  const asked = await familyOf(folder, name, leader);
  await tell(asked, stop.stopSignal);
  await haveEnded(asked, stop.graceMs);

  const deadline = Date.now() + killPatienceMs;
  for (;;) {
    const left = await familyOf(folder, name, leader);
    if (left.length === 0) return;
    if (Date.now() >= deadline) throw stuck(name, left);
    await tell(left, 'SIGKILL');
    await haveEnded(left, pollMs);
  }
}

async function familyOf(folder: string, name: string, leader: ProcessRef | undefined): Promise<ProcessRef[]> {
  const marked = await findMarked(serviceMark, markOf(folder, name));
  const unmarked = leader !== undefined && !marked.some(({ pid }) => pid === leader.pid);
  return unmarked && (await isAlive(leader)) ? [leader, ...marked] : marked;
}

/** Each exactly once, because many programs take a second signal for impatience. */
async function tell(family: readonly ProcessRef[], name: NodeJS.Signals): Promise<void> {
  // Where marks can't be read, the leader is all that is known of the family, and its group stands for the rest.
  const scope = process.platform === 'linux' ? 'process' : 'group';
  for (const member of family) await signal(member, name, scope);
}

async function haveEnded(family: readonly ProcessRef[], timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (const member of family) {
    while ((await isAlive(member)) && Date.now() < deadline) await sleep(pollMs);
  }
}

const pollMs = 20;

/** A process that waits on a dead disk ends when the disk answers; nothing can hurry it. */
const killPatienceMs = 10_000;

function stuck(name: string, left: readonly ProcessRef[]): RelocateError {
  return new RelocateError('start-failed', `The service ${name} does not end, even when killed`, {
    facts: { name, pids: left.map(({ pid }) => pid).join(' ') },
    hint: 'It most likely waits for a disk or a network file system. Run the same command again later.',
  });
}
