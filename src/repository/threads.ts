import { availableParallelism } from 'node:os';
import { parentPort, Worker } from 'node:worker_threads';
import { RelocateError } from '../errors.ts';

interface Waiting<Result> {
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
}

interface Thread<Result> {
  worker: Worker;
  waiting: Map<number, Waiting<Result>>;
}

type Reply<Result> = { number: number; result: Result } | { number: number; error: unknown };

const maxThreads = 8;
/** Large data lies in shared memory: what is left is small and soon forgotten. */
const resourceLimits = { maxYoungGenerationSizeMb: 8 };

/** Threads of one worker program. Started at the first task, ended by `close`; tasks go to whoever has the fewest. */
export class Threads<Task, Result> {
  readonly #program: URL;
  readonly #workerData: unknown;
  readonly #threads: Thread<Result>[] = [];
  #number = 0;
  #closed = false;

  /** One for each core, unless another number is given. */
  constructor(program: URL, workerData: unknown, count = Math.min(maxThreads, availableParallelism())) {
    this.count = Math.max(1, count);
    this.#program = program;
    this.#workerData = workerData;
  }

  readonly count: number;

  get areStarted(): boolean {
    return this.#threads.length > 0;
  }

  /** They take longer to come up than a little work takes: who knows that there will be more starts them early. */
  start(): void {
    if (this.#closed || this.areStarted) return;
    for (let at = 0; at < this.count; at += 1) this.#threads.push(this.#startOne());
  }

  /** Rejects with what the program threw, and `internal` where the thread ended. */
  ask(task: Task): Promise<Result> {
    if (this.#closed) return Promise.reject(closedError());
    this.start();
    const thread = this.#threads.reduce((a, b) => (b.waiting.size < a.waiting.size ? b : a));
    const number = (this.#number += 1);
    return new Promise((resolve, reject) => {
      thread.waiting.set(number, { resolve, reject });
      thread.worker.ref();
      thread.worker.postMessage({ number, task });
    });
  }

  /** What is still under way is ended, and nobody hears of it: no thread outlives its owner. */
  async close(): Promise<void> {
    this.#closed = true;
    const threads = this.#threads.splice(0);
    await Promise.all(threads.map(({ worker }) => endThread(worker)));
    for (const { reject } of threads.flatMap(({ waiting }) => [...waiting.values()])) reject(closedError());
  }

  #startOne(): Thread<Result> {
    const worker = new Worker(this.#program, { workerData: this.#workerData, resourceLimits });
    const waiting: Thread<Result>['waiting'] = new Map();
    // A thread that waits for work is no reason to keep the process alive.
    worker.unref();
    worker.on('message', (reply: Reply<Result>) => {
      const { resolve, reject } = waiting.get(reply.number) ?? {};
      waiting.delete(reply.number);
      if (waiting.size === 0) worker.unref();
      if ('error' in reply) reject?.(reply.error);
      else resolve?.(reply.result);
    });
    worker.on('error', (cause) => {
      const error = new RelocateError('internal', 'A thread ended unexpectedly.', { cause });
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
    });
    return { worker, waiting };
  }
}

const end = 'end';

/**
 * Lets a thread end by itself, after what it was given. One that is terminated while it is inside of a native library,
 * or loads one, takes the whole process with it: koffi then throws where nothing may be thrown any more.
 */
async function endThread(worker: Worker): Promise<void> {
  // It is -1 once the thread has ended.
  if (worker.threadId === -1) return;
  worker.ref();
  await new Promise((resolve) => {
    worker.once('exit', resolve);
    worker.postMessage(end);
  });
}

/** The thread's side: one task in, one result out, in any order. */
export function serve(answer: (task: unknown) => unknown): void {
  parentPort?.on('message', (message: typeof end | { number: number; task: unknown }) => {
    if (message === end) {
      parentPort?.close();
      return;
    }
    const { number, task } = message;
    const work = async () => answer(task);
    work().then(
      (result) => reply({ number, result }),
      (error: unknown) => reply({ number, error }),
    );
  });
}

function reply(message: Reply<unknown>): void {
  parentPort?.postMessage(message);
}

/** A program that lies beside a module: compiled in dist, as TypeScript in the sources, where Node strips the types. */
export function programBeside(moduleUrl: string, name: string): URL {
  return new URL(`./${name}${moduleUrl.endsWith('.ts') ? '.ts' : '.js'}`, moduleUrl);
}

const closedError = (): RelocateError =>
  new RelocateError('internal', 'The repository was closed while it was in use.');
