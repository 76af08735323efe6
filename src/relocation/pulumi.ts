import type { EngineEvent, Stack } from '@pulumi/pulumi/automation/index.js';
import { chmod, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { z } from 'zod';
import type { DeployRequest, StackOutputs, Target } from '../../stacks/target.ts';
import { RelocateError } from '../errors.ts';
import type { Emit } from '../events.ts';
import { hostSchema } from '../hosts/host-schema.ts';
import { patience } from './patience.ts';
import { findPulumi } from './pulumi-cli.ts';
import { condense, resourceName, type Diagnostic } from './pulumi-diagnostics.ts';
import {
  forgetStack,
  hasPendingOperations,
  projectName,
  recoverStack,
  stackFile,
  workFolder,
} from './pulumi-state.ts';

/** All that an engine needs to work on one deployment's stack. */
export interface StackRequest {
  target: Target;
  /** Parsed by the target's schema. */
  options: unknown;
  request: DeployRequest;
  /** Absolute; outside `request.folder`, because destroying removes that one while this one is needed. */
  stateFolder: string;
  /** Encrypts the secrets in the stack's state. Reaches the engine through its environment. */
  passphrase: string;
  emit: Emit;
  /** Aborting lets operations under way finish; the state is then sound and `provision` goes on from it. */
  signal: AbortSignal;
}

const outputsSchema: z.ZodType<StackOutputs> = z.object({
  hosts: z.array(hostSchema).min(1),
  databaseServers: z.record(z.string(), z.string()).exactOptional(),
});

/**
 * Brings the target's stack up, or up to date: what is right already stays. Also the way to go on after a crash, a kill
 * or an abort. Throws `provision-failed`, `wrong-password`, `tool-missing`, `deployment-busy`, `interrupted`.
 */
export async function provision(work: StackRequest): Promise<StackOutputs> {
  const backend = backendOf(work);
  await recoverStack(backend, work.request.deployment);
  // Refreshed first: what someone removed behind the engine's back is made again.
  const refresh = stackExists(work);
  const stack = await openStack(work, backend);
  if (await hasPendingOperations(backend, work.request.deployment)) await dropPendingOperations(stack);
  const { outputs } = await watch('Provisioning', work, (onEvent, signal) =>
    stack.up({ onEvent, signal, refresh, suppressProgress: true }),
  );
  const values = Object.fromEntries(Object.entries(outputs).map(([name, { value }]) => [name, value]));
  const parsed = outputsSchema.safeParse(values);
  if (parsed.success) return parsed.data;
  throw new RelocateError('provision-failed', `The stack of ${work.target.name} has unusable outputs`, {
    facts: { problem: z.prettifyError(parsed.error) },
    cause: parsed.error,
  });
}

/** What the last `provision` returned; undefined where none has ended. Changes nothing. Throws `wrong-password`. */
export async function readOutputs(work: StackRequest): Promise<StackOutputs | undefined> {
  if (!stackExists(work)) return undefined;
  const stack = await openStack(work, backendOf(work));
  const outputs = await stack.outputs();
  const values = Object.fromEntries(Object.entries(outputs).map(([name, { value }]) => [name, value]));
  return outputsSchema.safeParse(values).data;
}

/**
 * Removes all resources of the stack, then the stack, then what a crash left that the stack does not know. Idempotent.
 * Throws as `provision`.
 */
export async function destroyStack(work: StackRequest): Promise<void> {
  const backend = backendOf(work);
  const { deployment } = work.request;
  await recoverStack(backend, deployment);
  if (stackExists(work)) {
    const stack = await openStack(work, backend);
    if (await hasPendingOperations(backend, deployment)) await dropPendingOperations(stack);
    await work.target.release?.(work.options, work.request, work.signal);
    const destroy = () =>
      watch('Destroying', work, (onEvent, signal) =>
        stack.destroy({ onEvent, signal, remove: true, suppressProgress: true }),
      );
    try {
      await destroy();
    } catch (error) {
      work.signal.throwIfAborted();
      // A server whose making was given up is not in the state, and holds on to addresses that are.
      await work.target.sweep(work.options, work.request, work.signal).catch(() => {
        throw error;
      });
      await destroy();
    }
  }
  await work.target.sweep(work.options, work.request, work.signal);
  await forgetStack(backend, deployment);
}

/** Is there a stack of this deployment? Asks no engine. */
export function stackExists(work: Pick<StackRequest, 'stateFolder' | 'request'>): boolean {
  return existsSync(stackFile(backendOf(work), work.request.deployment));
}

function backendOf({ stateFolder, request }: Pick<StackRequest, 'stateFolder' | 'request'>): string {
  const path = relative(request.folder, stateFolder);
  if (path === '' || !(path.startsWith('..') || path.startsWith('/'))) {
    throw new RelocateError('internal', "The stack's state would lie in the folder that destroying removes", {
      facts: { stateFolder, folder: request.folder },
    });
  }
  return join(stateFolder, 'pulumi');
}

async function openStack(work: StackRequest, backend: string): Promise<Stack> {
  work.signal.throwIfAborted();
  const { target, options, request } = work;
  const engine = await prepareEngine(backend, target);
  const { LocalWorkspace, PulumiCommand } = await import('@pulumi/pulumi/automation/index.js');
  const workDir = workFolder(backend, request.deployment);
  await mkdir(workDir, { recursive: true, mode: 0o700 });
  const program = await target.program(options, request);
  try {
    return await LocalWorkspace.createOrSelectStack(
      { projectName, stackName: request.deployment, program },
      {
        pulumiCommand: await PulumiCommand.get({ root: engine }),
        workDir,
        pulumiHome: join(backend, 'home'),
        projectSettings: {
          name: projectName,
          runtime: 'nodejs',
          backend: { url: backendUrl(backend) },
        },
        envVars: engineEnvironment(backend, work.passphrase),
      },
    );
  } catch (error) {
    throw failure('Opening the stack', error, [], work);
  }
}

/**
 * Without the sidecar files (NAME.attrs) that the engine's storage library writes in place: one that a kill left empty
 * makes the whole stack unreadable (gocloud.dev/blob/fileblob, `setAttrs`; the blobs themselves are renamed into place).
 */
function backendUrl(backend: string): string {
  return `${pathToFileURL(backend).href}?metadata=skip`;
}

/**
 * Whatever the user has set up for a Pulumi of their own plays no part. And neither the engine nor a provider's plugin,
 * which both would inherit it, has any business with the repository's password.
 */
function engineEnvironment(backend: string, passphrase: string): Record<string, string> {
  return {
    RELOCATE_PASSWORD: '',
    RESTIC_PASSWORD: '',
    RELOCATE_FROM_PASSWORD: '',
    RESTIC_FROM_PASSWORD: '',
    PULUMI_CONFIG_PASSPHRASE: passphrase,
    PULUMI_CONFIG_PASSPHRASE_FILE: '',
    PULUMI_ACCESS_TOKEN: '',
    PULUMI_BACKEND_URL: backendUrl(backend),
    PULUMI_SKIP_UPDATE_CHECK: 'true',
    PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS: 'true',
  };
}

/** A folder as the Automation API wants it: bin/pulumi, and beside it the provider plugins of the project's own. */
async function prepareEngine(backend: string, target: Target): Promise<string> {
  const bin = join(backend, 'engine', 'bin');
  await mkdir(bin, { recursive: true, mode: 0o700 });
  await chmod(backend, 0o700);
  const cli = await findPulumi();
  await replace(join(bin, 'pulumi'), (draft) => symlink(cli, draft));
  for (const [name, program] of Object.entries(target.plugins ?? {})) {
    const command = [process.execPath, '--no-warnings', fileURLToPath(program)].map(quote).join(' ');
    await replace(join(bin, `pulumi-resource-${name}`), (draft) =>
      writeFile(draft, `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 }),
    );
  }
  return join(backend, 'engine');
}

async function replace(path: string, make: (draft: string) => Promise<void>): Promise<void> {
  const draft = `${path}.${process.pid}`;
  await rm(draft, { force: true });
  await make(draft);
  await rename(draft, path);
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** What the engine asked of a provider and never heard back: the next `up` asks again, and creating is idempotent. */
async function dropPendingOperations(stack: Stack): Promise<void> {
  const exported = await stack.exportStack();
  const deployment: Record<string, unknown> = { ...exported.deployment };
  delete deployment['pending_operations'];
  await stack.importStack({ ...exported, deployment });
}

/**
 * Runs one engine action, tells of its steps, and turns its failure into one error. It is aborted when the provider says
 * that it works and nothing comes to an end any more: other targets wait.
 */
async function watch<Result>(
  action: string,
  work: StackRequest,
  run: (onEvent: (event: EngineEvent) => void, signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const diagnostics: Diagnostic[] = [];
  const { stallMs } = patience();
  const stalled = new AbortController();
  const timer = setTimeout(() => stalled.abort(), stallMs);
  try {
    return await run(
      (event) => {
        timer.refresh();
        if (event.diagnosticEvent?.severity === 'error') diagnostics.push(event.diagnosticEvent);
        const step = event.resOutputsEvent?.metadata;
        const resource = resourceName(step?.urn);
        if (step !== undefined && step.op !== 'same' && resource !== undefined) {
          work.emit({ type: 'detail', message: `${step.op} ${resource} (${step.type})` });
        }
      },
      AbortSignal.any([work.signal, stalled.signal]),
    );
  } catch (error) {
    if (stalled.signal.aborted && !work.signal.aborted)
      throw stallFailure(action, work.target.name, stallMs, error);
    throw failure(action, error, diagnostics, work);
  } finally {
    clearTimeout(timer);
  }
}

function stallFailure(action: string, target: string, stallMs: number, cause: unknown): RelocateError {
  const seconds = Math.round(stallMs / 1000);
  return new RelocateError(
    'provision-failed',
    `${action} stood still: ${target} has ended nothing for ${seconds} s`,
    {
      facts: { target, stallMs },
      hint: 'What was made so far is written down. RELOCATE_PATIENCE says how many seconds to wait.',
      retryable: true,
      cause,
    },
  );
}

function failure(
  action: string,
  error: unknown,
  diagnostics: readonly Diagnostic[],
  work: StackRequest,
): RelocateError {
  if (work.signal.aborted) {
    return new RelocateError('interrupted', `${action} was interrupted`, {
      hint: 'What was made so far is written down: deploy again with --resume, or destroy it.',
    });
  }
  const raw = error instanceof Error ? error.message : String(error);
  return condense(action, diagnostics, raw, [work.passphrase]);
}
