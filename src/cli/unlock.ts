import type { Command } from 'commander';
import type { LockInfo } from '../repository/types.ts';
import { asResults, withEachRepository } from './each-repository.ts';
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

interface Unlocked {
  removed: LockInfo[];
  kept: LockInfo[];
}

async function run(globals: Globals, all: boolean): Promise<void> {
  await runCommand(globals, async (session) => {
    const { eachText } = await import('../report/each.ts');
    const results = await withEachRepository(session, async (repository): Promise<Unlocked> => {
      const removed = await repository.unlock({ all });
      return { removed, kept: await repository.locks() };
    });
    const [only] = results;
    if (only !== undefined && 'result' in only && results.length === 1) {
      session.result(only.result, unlockText(only.result));
      return 0;
    }
    session.result({ repositories: asResults(results) }, eachText(results, unlockText));
    return results.some((one) => 'error' in one) ? 3 : 0;
  });
}

function unlockText({ removed, kept }: Unlocked): string {
  const left = kept.map(
    (lock) =>
      `Kept: the lock of ${lock.username}@${lock.hostname}, process ${lock.pid}, since ${lock.time}; it looks alive.`,
  );
  return [`${removed.length} ${removed.length === 1 ? 'lock' : 'locks'} removed.`, ...left].join('\n');
}
