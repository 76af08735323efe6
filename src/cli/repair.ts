import type { Command } from 'commander';
import { withRepositoryAlone } from './context.ts';
import type { Globals } from './globals.ts';
import { runCommand } from './session.ts';

export function repairCommand(program: Command): void {
  const repair = program
    .command('repair')
    .summary('mend what “relocate check” complains of')
    .description('Mends a damaged repository as far as what is left of it allows.')
    .addHelpText('after', '\nExample:\n  relocate repair index\n');
  repair
    .command('index')
    .description(
      'make the index again from the packs, which list what they hold; nothing of the data is changed',
    )
    .addHelpText('after', '\nExample:\n  relocate repair index\n')
    .action((_options: object, command: Command) => run(command.optsWithGlobals<Globals>()));
}

async function run(globals: Globals): Promise<void> {
  await runCommand(globals, async (session) => {
    const { repairIndexText } = await import('../report/snapshot.ts');
    const result = await withRepositoryAlone(session, (repository) =>
      repository.withLock('exclusive', { signal: session.signal }, (signal) =>
        repository.repairIndex({ emit: session.emit, signal }),
      ),
    );
    session.result(result, repairIndexText(result));
    return result.unreadable.length > 0 ? 3 : 0;
  });
}
