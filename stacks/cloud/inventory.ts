import { setTimeout as sleep } from 'node:timers/promises';
import { RelocateError } from '../../src/errors.ts';
import type { FoundResource, Labelled } from '../target.ts';
import { reasonOf, statusOf } from './api.ts';
import { labelKeys, parts, shorten, type Part } from './names.ts';

/** Something of ours at a provider, with the way to be rid of it. */
export interface Found extends FoundResource {
  /** Undefined for what carries the deployment's labels and no part's. */
  part: Part | undefined;
  remove: () => Promise<void>;
}

export interface Labels {
  [key: string]: string | undefined;
}

/** As FoundResource's fields; undefined for what is not ours, or another's than was asked for. */
export function readLabels(
  labels: Labels,
  which: Labelled,
): { app: string; deployment: string; part: Part | undefined } | undefined {
  const app = labels[labelKeys.app];
  const deployment = labels[labelKeys.deployment];
  if (app === undefined || deployment === undefined) return undefined;
  const isAsked =
    'deployment' in which ? deployment === shorten(which.deployment) : app === shorten(which.app);
  if (!isAsked) return undefined;
  return { app, deployment, part: parts.find((part) => part === labels[labelKeys.part]) };
}

/** What can't be removed yet because something else still hangs on it. */
const patienceMs = 90_000;

/**
 * Removes in the order given: what hangs on other things first. A thing that is gone already is no error. One that is
 * locked, or still in use by what has just been removed, is asked again for a while.
 */
export async function removeAll(found: readonly Found[], signal?: AbortSignal): Promise<void> {
  for (const one of found) await removeOne(one, signal);
}

async function removeOne(found: Found, signal: AbortSignal | undefined): Promise<void> {
  const deadline = Date.now() + patienceMs;
  for (let waitMs = 250; ; waitMs = Math.min(waitMs * 2, 4000)) {
    signal?.throwIfAborted();
    try {
      await found.remove();
      return;
    } catch (error) {
      const status = statusOf(error);
      if (status === 404 || status === 410) return;
      const mayHelp =
        status !== undefined && status !== 401 && (status !== 403 || reasonOf(error) === 'protected');
      if (!mayHelp || Date.now() >= deadline) throw withRemainder(error, found);
      await sleep(waitMs, undefined, { signal });
    }
  }
}

function withRemainder(error: unknown, { kind, id, name }: Found): RelocateError {
  const reason = error instanceof Error ? error.message : String(error);
  return new RelocateError('provision-failed', `The ${kind} ${name} could not be removed: ${reason}`, {
    facts: { kind, id, name },
    hint: `It may go on being billed. Remove it by hand, or run the same command again when the provider answers.`,
    retryable: true,
    cause: error,
  });
}

/** Without what only this process can use. */
export function plain(found: readonly Found[]): FoundResource[] {
  return found.map(({ kind, id, name, app, deployment }) => ({ kind, id, name, app, deployment }));
}

/**
 * As options of a resource: the thing that is there already is taken over, and not made again. Of several that carry the
 * same labels (a kill between a replacement's two halves) the first is.
 */
export function takeOver(found: readonly Found[], part: Part): { import?: string } {
  const one = found.find((candidate) => candidate.part === part);
  return one === undefined ? {} : { import: one.id };
}
