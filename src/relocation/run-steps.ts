import { RelocateError } from '../errors.ts';
import type { Emit } from '../events.ts';
import type { Journal } from './journal.ts';
import type { Phase, PlanStep } from './types.ts';

/** One step of a plan, and how it is done. Running it again after a kill must end in the same state. */
export interface Task {
  step: PlanStep;
  /** IDs of steps of the same phase that must be done before. */
  after: readonly string[];
  /** The result is serialisable, holds no secrets, and goes into the journal. */
  run: (signal: AbortSignal) => Promise<unknown>;
  /**
   * What a resumed run does where the journal says that the step is done: `keep` its result, or run it `again`, because
   * it brings something up that may have gone down since (a machine, a server).
   */
  whenDone: 'keep' | 'again';
}

export interface StepRun {
  journal: Journal;
  emit: Emit;
  signal: AbortSignal;
  /** How many steps may be under way at once. */
  parallel: number;
  /** Results of steps done, by ID: for the steps that come after. */
  results: Map<string, unknown>;
  /** IDs of steps whose result came from an earlier run. */
  kept: Set<string>;
}

/** A step that failed, by its ID; what it threw is the cause. */
export class StepFailure extends Error {
  readonly step: string;

  constructor(step: string, cause: unknown) {
    super(`step ${step} failed`, { cause });
    this.step = step;
  }
}

/** After an abort, steps have this long to end in order. Those that don't are written down as begun, which is true. */
const graceMs = 1_200;

/**
 * Runs the tasks of one phase, those that nothing stands before at once, in the order given. The first failure stops
 * the others; all have ended when this returns or throws `StepFailure`, but those that ignore an abort for too long.
 */
export async function runPhase(
  phase: Phase,
  title: string,
  tasks: readonly Task[],
  run: StepRun,
): Promise<void> {
  if (tasks.length === 0) return;
  run.emit({ type: 'phase-start', phase, title });
  const startedAt = performance.now();
  const end = (outcome: 'done' | 'failed') =>
    run.emit({ type: 'phase-end', phase, durationMs: Math.round(performance.now() - startedAt), outcome });
  try {
    await runTasks(tasks, run);
  } catch (error) {
    end('failed');
    throw error;
  }
  end('done');
}

async function runTasks(tasks: readonly Task[], run: StepRun): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([run.signal, stop.signal]);
  const waiting = [...tasks];
  const underWay = new Map<string, Promise<void>>();
  const aborted = whenAborted(signal);
  let failure: StepFailure | undefined;
  const isReady = ({ after }: Task) =>
    after.every((id) => !tasks.some(({ step }) => step.id === id) || run.results.has(id));

  while (waiting.length > 0 || underWay.size > 0) {
    for (const task of waiting.filter(isReady)) {
      if (signal.aborted || underWay.size >= run.parallel) break;
      waiting.splice(waiting.indexOf(task), 1);
      const work = runTask(task, run, signal)
        .catch((error: unknown) => {
          failure ??= new StepFailure(task.step.id, error);
          stop.abort();
        })
        .finally(() => underWay.delete(task.step.id));
      underWay.set(task.step.id, work);
    }
    if (underWay.size === 0) break;
    if ((await Promise.race([...underWay.values(), aborted])) === 'aborted') {
      await Promise.race([Promise.all(underWay.values()), wait(run.signal.aborted ? graceMs : 60_000)]);
      break;
    }
  }
  if (failure !== undefined) throw failure;
  const [next] = [...underWay.keys(), ...waiting.map(({ step }) => step.id)];
  if (next !== undefined)
    throw new StepFailure(next, run.signal.reason ?? new Error('the steps wait for each other'));
}

async function runTask(
  { step, run: work, whenDone }: Task,
  run: StepRun,
  signal: AbortSignal,
): Promise<void> {
  const known = run.journal.steps.get(step.id);
  if (known?.state === 'done' && whenDone === 'keep') {
    run.results.set(step.id, known.result);
    run.kept.add(step.id);
    return;
  }
  await run.journal.started(step.id);
  const startedAt = performance.now();
  const elapsedMs = () => Math.round(performance.now() - startedAt);
  run.emit({ type: 'detail', message: step.title });
  try {
    const result = await work(signal);
    await run.journal.done(step.id, elapsedMs(), result ?? null);
    run.results.set(step.id, result);
  } catch (error) {
    // Only our own words: what other programs say in theirs may hold anything.
    const message =
      error instanceof RelocateError ? error.message : signal.aborted ? 'interrupted' : 'failed';
    await run.journal.failed(step.id, elapsedMs(), message);
    throw error;
  }
}

function whenAborted(signal: AbortSignal): Promise<'aborted'> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve('aborted');
    signal.addEventListener('abort', () => resolve('aborted'), { once: true });
  });
}

function wait(durationMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, durationMs).unref();
  });
}
