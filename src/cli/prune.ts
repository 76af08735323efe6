import type { Command } from 'commander';
import type { PruneOptions } from '../repository/repository.ts';
import { withOneRepository } from './each-repository.ts';
import type { Globals } from './globals.ts';
import { runCommand } from './session.ts';

export interface PruneLimits {
  maxUnused: string;
  maxRepackSize?: string;
}

export function pruneCommand(program: Command): void {
  const prune = program
    .command('prune')
    .summary('delete data that no snapshot needs')
    .description(
      'Deletes data that no snapshot needs any more. Packs that are needed in part are written anew. Nobody else may use\n' +
        'the repository meanwhile; killed at any moment it loses nothing, and the next run goes on.',
    )
    .option('--dry-run', 'say what would be deleted and written anew, and do nothing');
  addPruneLimits(prune)
    .addHelpText(
      'after',
      '\nExamples:\n  relocate prune --dry-run\n  relocate prune\n  relocate prune --max-unused 0 --max-repack-size 20G\n',
    )
    .action((options: PruneLimits & { dryRun?: boolean }, command: Command) =>
      run(command.optsWithGlobals<Globals>(), options),
    );
}

export function addPruneLimits(command: Command): Command {
  return command
    .option(
      '--max-unused <limit>',
      'unused data that may stay, where writing packs anew would be needed: 5%, 200M, unlimited',
      '5%',
    )
    .option('--max-repack-size <size>', 'write no more than this anew in one run, e.g. 20G');
}

/** Throws `usage`. */
export async function limitsOf({
  maxUnused,
  maxRepackSize,
}: PruneLimits): Promise<Pick<PruneOptions, 'maxUnusedBytes' | 'maxRepackBytes'>> {
  const { parseBytes, parseMaxUnused } = await import('../repository/sizes.ts');
  return {
    maxUnusedBytes: parseMaxUnused(maxUnused),
    maxRepackBytes: maxRepackSize === undefined ? Infinity : parseBytes(maxRepackSize),
  };
}

async function run(globals: Globals, options: PruneLimits & { dryRun?: boolean }): Promise<void> {
  await runCommand(globals, async (session) => {
    const [{ pruneText }, limits] = await Promise.all([import('../report/house.ts'), limitsOf(options)]);
    const result = await withOneRepository(session, (repository) =>
      repository.withLock('exclusive', { signal: session.signal }, (signal) =>
        repository.prune({ ...limits, dryRun: options.dryRun ?? false, emit: session.emit, signal }),
      ),
    );
    session.result(result, pruneText(result));
  });
}
