import { resolve } from 'node:path';
import type { Command } from 'commander';
import { withTotal } from '../events.ts';
import type { Repository } from '../repository/repository.ts';
import { withRepositoryAlone } from './context.ts';
import type { Globals } from './globals.ts';
import { runCommand } from './session.ts';

interface Options {
  target: string;
  include?: string[];
  exclude?: string[];
}

const collect = (value: string, all: string[] = []) => [...all, value];

export function restoreCommand(program: Command): void {
  program
    .command('restore')
    .summary('write a snapshot’s files into a folder')
    .description(
      'Writes the files of a snapshot into a folder, and never anywhere else. What is there already and right is kept.\n' +
        'Databases come as their dumps; to bring a whole app back to life use: relocate deploy',
    )
    .argument('<snapshot>', '“latest”, or an unambiguous beginning of an ID')
    .requiredOption('--target <dir>', 'the folder to write to')
    .option('-i, --include <pattern>', 'only what matches (again for more)', collect)
    .option('-e, --exclude <pattern>', 'not what matches (again for more)', collect)
    .addHelpText(
      'after',
      '\nExamples:\n  relocate restore latest --target ./back\n  relocate restore latest --target ./back --include /data/uploads\n',
    )
    .action((id: string, options: Options, command: Command) =>
      run(command.optsWithGlobals<Globals>(), id, options),
    );
}

async function run(globals: Globals, id: string, options: Options): Promise<void> {
  await runCommand(globals, async (session) => {
    const target = resolve(options.target);
    const startedAt = Date.now();
    const restore = async (repository: Repository) => {
      const { restoreTree } = await loadModules();
      const snapshot = await repository.findSnapshot(id);
      const isAll = options.include === undefined && options.exclude === undefined;
      session.emit({ type: 'phase-start', phase: 'restore', title: `restoring to ${target}` });
      return repository.withLock(
        'shared',
        { signal: session.signal, isToRead: true, startsAtOnce: true },
        (signal) =>
          restoreTree(repository, snapshot.tree, target, {
            emit: withTotal(session.emit, isAll ? snapshot.summary?.total_bytes_processed : undefined),
            signal,
            ...(options.include ? { include: options.include } : {}),
            ...(options.exclude ? { exclude: options.exclude } : {}),
          }),
      );
    };
    const summary = await withRepositoryAlone(session, restore, {
      whileUnlocking: () => void loadModules(),
    });
    const { restoreText } = await loadModules();
    const durationMs = Date.now() - startedAt;
    session.emit({ type: 'phase-end', phase: 'restore', durationMs, outcome: 'done' });
    const result = { ...summary, target, durationMs };
    session.result(result, restoreText(result));
    return summary.problems.length > 0 ? 3 : 0;
  });
}

async function loadModules() {
  const [restore, report] = await Promise.all([
    import('../filesystem/restore.ts'),
    import('../report/snapshot.ts'),
  ]);
  return { ...restore, ...report };
}
