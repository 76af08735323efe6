import type { Command } from 'commander';
import { withRepositoryAlone } from './context.ts';
import type { Globals } from './globals.ts';
import { percentOption } from './options.ts';
import { runCommand } from './session.ts';

interface Options {
  readData?: number | true;
}

export function checkCommand(program: Command): void {
  program
    .command('check')
    .summary('prove that the repository is sound')
    .description(
      'Checks that everything the snapshots need is there, and with --read-data that every byte of it is right.',
    )
    .option(
      '--read-data [percent]',
      'read the packs whole and verify them, or a share of them, e.g. 5%',
      percentOption,
    )
    .addHelpText(
      'after',
      '\nExamples:\n  relocate check\n  relocate check --read-data\n  relocate check --read-data=5%\n',
    )
    .action((options: Options, command: Command) => run(command.optsWithGlobals<Globals>(), options));
}

async function run(globals: Globals, options: Options): Promise<void> {
  await runCommand(globals, async (session) => {
    const { checkText } = await import('../report/snapshot.ts');
    const readDataPercent = options.readData === true ? 100 : (options.readData ?? 0);
    const result = await withRepositoryAlone(session, (repository) =>
      repository.withLock('exclusive', { signal: session.signal }, (signal) =>
        repository.check({ readDataPercent, emit: session.emit, signal }),
      ),
    );
    session.result(result, checkText(result));
    return result.errors.length > 0 ? 1 : 0;
  });
}
