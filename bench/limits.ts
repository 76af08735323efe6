import { availableParallelism } from 'node:os';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { parseArgs } from 'node:util';
import { limitNames, measureLimit } from './limits/stages.ts';

/**
 * What this machine can do: how many MB (or files) a second each stage of a snapshot and a restore can be, by the very
 * code that relocate runs, on one thread and on as many as there are cores at once. Prints a Markdown table.
 */
const { values } = parseArgs({ options: { only: { type: 'string', default: '' } } });

if (isMainThread) {
  const threads = availableParallelism();
  const workers = Array.from({ length: threads }, () => new Worker(new URL(import.meta.url)));
  const print = (line: string) => void process.stdout.write(`${line}\n`);
  print(`| stage | one thread | ${threads} threads together |`);
  print('| --- | ---: | ---: |');
  for (const name of limitNames.filter((name) => name.includes(values.only))) {
    const [alone] = await measureOn(workers.slice(0, 1), name);
    const together = await measureOn(workers, name);
    const sum = together.reduce((total, one) => total + one, 0);
    print(
      `| ${name} | ${Math.round(alone ?? 0).toLocaleString('en')} | ${Math.round(sum).toLocaleString('en')} |`,
    );
  }
  await Promise.all(workers.map((worker) => worker.terminate()));
} else {
  parentPort?.on('message', (name: string) => parentPort?.postMessage(measureLimit(name)));
}

function measureOn(workers: readonly Worker[], name: string): Promise<number[]> {
  return Promise.all(
    workers.map(
      (worker) =>
        new Promise<number>((resolve, reject) => {
          worker.once('message', resolve).once('error', reject);
          worker.postMessage(name);
        }),
    ),
  );
}
