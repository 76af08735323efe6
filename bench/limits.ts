import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { format } from 'prettier';
import { leastTimes } from './limits/least.ts';
import { limitNames, measureLimit } from './limits/stages.ts';
import { markdownTable } from './markdown.ts';
import { print } from './support.ts';

/**
 * What this machine can do: how many MB (or files) a second each stage of a snapshot and a restore can be, by the very
 * code that relocate runs, on one thread and on as many as there are cores at once; and how long the sets of the
 * benchmark take at the very least by that. Prints Markdown; with --out also writes it there, as limits.md.
 */
if (isMainThread) await measureAll();
else parentPort?.on('message', (name: string) => parentPort?.postMessage(measureLimit(name)));

async function measureAll(): Promise<void> {
  const { values } = parseArgs({ options: { out: { type: 'string' } } });
  const threads = availableParallelism();
  const workers = Array.from({ length: threads }, () => new Worker(new URL(import.meta.url)));
  const together = new Map<string, number>();
  const rows: string[][] = [];
  for (const name of limitNames) {
    const [alone = 0] = await measureOn(workers.slice(0, 1), name);
    const sum = (await measureOn(workers, name)).reduce((total, one) => total + one, 0);
    together.set(name, sum);
    rows.push([name, ...[alone, sum].map((rate) => Math.round(rate).toLocaleString('en'))]);
  }
  await Promise.all(workers.map((worker) => worker.terminate()));
  const rates = markdownTable(['stage', 'one thread', `${threads} threads together`], rows);
  const least = markdownTable(
    ['at the very least', 'seconds'],
    leastTimes(together).map(({ set, what, seconds }) => [`${set}: ${what}`, seconds.toFixed(1)]),
  );
  const text = await format(`# What this machine can do\n\n${rates}\n\n${least}\n`, { parser: 'markdown' });
  print(text);
  if (values.out === undefined) return;
  await mkdir(values.out, { recursive: true });
  await writeFile(join(values.out, 'limits.md'), text);
}

/** Each worker's rate, all of them at work at the same time. */
async function measureOn(workers: readonly Worker[], name: string): Promise<number[]> {
  const answers = workers.map((worker) => once(worker, 'message') as Promise<[number]>);
  for (const worker of workers) worker.postMessage(name);
  return (await Promise.all(answers)).map(([rate]) => rate);
}
