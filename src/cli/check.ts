import type { Command } from 'commander';
import { asResults, withEachRepository } from './each-repository.ts';
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
      'Checks that everything the snapshots need is there, and with --read-data that every byte of it is right.\n' +
        'Of several repositories, each is checked by itself.',
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
    const [{ checkText }, { eachText }] = await Promise.all([
      import('../report/snapshot.ts'),
      import('../report/each.ts'),
    ]);
    const readDataPercent = options.readData === true ? 100 : (options.readData ?? 0);
    const results = await withEachRepository(session, (repository) =>
      repository.withLock('exclusive', { signal: session.signal }, (signal) =>
        repository.check({ readDataPercent, emit: session.emit, signal }),
      ),
    );
    const isDamaged = results.some((one) => 'result' in one && one.result.errors.length > 0);
    const [only] = results;
    if (only !== undefined && 'result' in only && results.length === 1) {
      session.result(only.result, checkText(only.result));
      return isDamaged ? 1 : 0;
    }
    session.result({ repositories: asResults(results) }, eachText(results, checkText));
    const isUnknown = results.some((one) => 'error' in one);
    return isDamaged ? 1 : isUnknown ? 3 : 0;
  });
}
