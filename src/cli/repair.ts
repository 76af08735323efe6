import type { Command } from 'commander';
import { withOneRepository } from './each-repository.ts';
import type { Globals } from './globals.ts';
import { runCommand } from './session.ts';

export function repairCommand(program: Command): void {
  const repair = program
    .command('repair')
    .summary('mend what “relocate check” complains of')
    .description('Mends a damaged repository as far as what is left of it allows.')
    .addHelpText('after', '\nExamples:\n  relocate repair index\n  relocate repair snapshots\n');
  repair
    .command('index')
    .description(
      'make the index again from the packs, which list what they hold; nothing of the data is changed',
    )
    .addHelpText('after', '\nExample:\n  relocate repair index\n')
    .action((_options: object, command: Command) => run(command.optsWithGlobals<Globals>()));
  repair
    .command('snapshots')
    .description(
      'Writes snapshots of what is left of those that lost something: files without the pieces that are gone, folders\n' +
        'that cannot be read without what was in them. The broken ones stay beside them, unless --forget is given.\n' +
        'What is lost is known by the index: run “relocate repair index” first.',
    )
    .argument('[ids...]', 'snapshots to look at, “latest” or beginnings of their IDs (default: all)')
    .option('--forget', 'remove the broken snapshots once what is left of them is stored')
    .option('--dry-run', 'say what would be written and removed, and do nothing')
    .addHelpText(
      'after',
      '\nExamples:\n  relocate repair snapshots --dry-run\n  relocate repair snapshots --forget\n',
    )
    .action((ids: string[], options: { forget?: boolean; dryRun?: boolean }, command: Command) =>
      runSnapshots(command.optsWithGlobals<Globals>(), ids, options),
    );
}

async function runSnapshots(
  globals: Globals,
  ids: readonly string[],
  { forget = false, dryRun = false }: { forget?: boolean; dryRun?: boolean },
): Promise<void> {
  await runCommand(globals, async (session) => {
    const [{ repairSnapshots }, { repairSnapshotsText }] = await Promise.all([
      import('../repository/repair-snapshots.ts'),
      import('../report/house.ts'),
    ]);
    const { emit } = session;
    const result = await withOneRepository(session, (repository) =>
      repository.withLock('exclusive', { signal: session.signal }, async (signal) => {
        const named = await Promise.all(ids.map((id) => repository.findSnapshot(id)));
        const options = { forget, dryRun, emit, signal };
        return repairSnapshots(repository, { ...options, ...(named.length > 0 ? { snapshots: named } : {}) });
      }),
    );
    session.result(result, repairSnapshotsText(result));
    return result.unreadable.length > result.removed.length ? 3 : 0;
  });
}

async function run(globals: Globals): Promise<void> {
  await runCommand(globals, async (session) => {
    const { repairIndexText } = await import('../report/snapshot.ts');
    const result = await withOneRepository(session, (repository) =>
      repository.withLock('exclusive', { signal: session.signal }, (signal) =>
        repository.repairIndex({ emit: session.emit, signal }),
      ),
    );
    session.result(result, repairIndexText(result));
    return result.unreadable.length > 0 ? 3 : 0;
  });
}
