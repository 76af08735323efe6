import type { Command } from 'commander';
import { loadApp, stateFolderOf, withRepository } from './context.ts';
import type { Globals } from './globals.ts';
import { listOption } from './options.ts';
import { runCommand } from './session.ts';

interface Options {
  only?: string[];
}

export function snapshotCommand(program: Command): void {
  program
    .command('snapshot')
    .summary('capture the app into the repository')
    .description(
      'Captures everything relocate.yaml names (databases, files, code) at one moment into one snapshot.\n' +
        'What is stored already is not stored again. A source that yields nothing, or less than its floor, fails it.',
    )
    .option(
      '--only <names>',
      'entries of “data:” to capture, comma-separated (“code” for the code folder)',
      listOption,
    )
    .addHelpText('after', '\nExamples:\n  relocate snapshot\n  relocate snapshot --only db --json\n')
    .action((options: Options, command: Command) => run(command.optsWithGlobals<Globals>(), options));
}

async function run(globals: Globals, options: Options): Promise<void> {
  await runCommand(globals, async (session) => {
    const [{ app, text }, { takeSnapshot }, { sourceOf }, { snapshotSummary }] = await Promise.all([
      loadApp(session),
      import('../relocation/snapshot.ts'),
      import('../sources/index.ts'),
      import('../report/snapshot.ts'),
    ]);
    const stateFolder = stateFolderOf(globals, app);
    const result = await withRepository(session, app, (repository) =>
      takeSnapshot({ app, configText: text, repository, stateFolder, sourceOf, only: options.only }, session),
    );
    session.result(result, snapshotSummary(result));
    return result.problems.length > 0 ? 3 : 0;
  });
}
