import type { Command } from 'commander';
import { withRepositoryAlone } from './context.ts';
import type { Globals } from './globals.ts';
import { runCommand } from './session.ts';

export function unlockCommand(program: Command): void {
  program
    .command('unlock')
    .summary('remove locks that dead processes left')
    .description(
      'Removes locks whose process is gone or that are older than 30 minutes; with --remove-all, every lock.',
    )
    .option('--remove-all', 'also those of living processes: only when you know that nothing runs')
    .addHelpText('after', '\nExample:\n  relocate unlock\n')
    .action((options: { removeAll?: boolean }, command: Command) =>
      run(command.optsWithGlobals<Globals>(), options.removeAll ?? false),
    );
}

async function run(globals: Globals, all: boolean): Promise<void> {
  await runCommand(globals, async (session) => {
    const { removed, kept } = await withRepositoryAlone(session, async (repository) => {
      const removed = await repository.unlock({ all });
      return { removed, kept: await repository.locks() };
    });
    const left = kept.map(
      (lock) =>
        `Kept: the lock of ${lock.username}@${lock.hostname}, process ${lock.pid}, since ${lock.time}; it looks alive.`,
    );
    session.result(
      { removed, kept },
      [`${removed.length} ${removed.length === 1 ? 'lock' : 'locks'} removed.`, ...left].join('\n'),
    );
  });
}
